"""What a stack is made of: rows joined by id, hashes of what is used, opened anew if another."""

import shutil

import polars as pl
import pytest

from folds.frozen import FILE
from pipeline.samples import SAMPLES
from pipeline.stack_rows import StackFiles, check_held_out, check_repeats, open_stack, stack_files
from pipeline.unit_files import TESTS, TRAINING
from stacking.matrix import NEVER
from tests.by_hand.stack import block_of, stack_table, stack_units
from tests.by_hand.units import features_of, folds_of, kept, sample_table, samples_of
from workspace.errors import ArtifactError, ConfigError

COLUMNS = ("meta_age_approx", "cat_sex", "emb_net_0000", "oof_net_probability")
NAMES = ("samples", "folds", "features")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return stack_units(tmp_path_factory.mktemp("stack"))


def files_of(units, blocks=(), leave_out=()):
    return StackFiles.of(*(units[name] for name in NAMES), list(blocks), leave_out)


@pytest.fixture
def rows(made):
    return open_stack(files_of(*made))


def by_id(name):
    table, folds, says = stack_table()
    values = {"emb_net_0000": says, "fold": folds, "meta_age_approx": table["age_approx"]}
    return dict(zip(table["isic_id"], values[name], strict=True))


def test_rows_lie_fold_after_fold_with_their_label_and_group(rows):
    table, folds = rows.rows, by_id("fold")
    assert table.columns == ["isic_id", "fold", "target", "group_id"]
    assert table.rows() == sorted(table.rows(), key=lambda row: (row[1], row[0]))
    assert [folds[name] for name in table["isic_id"]] == table["fold"].to_list()
    known = table.join(stack_table()[0], on="isic_id", validate="1:1")
    assert (len(known), rows.fold_numbers) == (90, [0, 1, 2])
    assert (known["target"] == known["target_right"]).all()
    assert (known["group_id"] == known["patient_id"]).all()


def test_every_column_is_its_own_rows_whatever_order_its_table_has(rows):
    assert rows.matrix.columns == rows.columns == COLUMNS
    for name in ("meta_age_approx", "emb_net_0000"):
        wanted = [by_id(name)[one] for one in rows.rows["isic_id"]]
        found = rows.matrix.values[:, COLUMNS.index(name)]
        assert found.tolist() == pytest.approx(wanted, rel=1e-6)


def test_rows_outside_the_folds_are_seen_as_each_folds_network_sees_them(rows):
    assert rows.ids("holdout")["isic_id"].to_list() == [f"r{n:03d}" for n in range(90, 96)]
    ids = rows.ids("test")
    assert ids["isic_id"].to_list() == [f"r{n:03d}" for n in range(96, 102)]
    views = [rows.unseen(ids, TESTS, fold) for fold in (0, 2)]
    age = [by_id("meta_age_approx")[name] for name in ids["isic_id"]]
    assert views[0].columns == COLUMNS
    assert views[0].values[:, 0].tolist() == pytest.approx(age, rel=1e-6)
    shares = views[1].values[:, 3] / views[0].values[:, 3]
    assert shares.tolist() == pytest.approx([0.8] * 6, rel=1e-6)


def test_columns_are_left_out_of_every_matrix(made):
    rows = open_stack(files_of(*made, ("cat_*", "emb_net_0000")))
    assert rows.columns == rows.matrix.columns == (COLUMNS[0], COLUMNS[3])
    assert rows.unseen(rows.ids("test"), TESTS, 1).columns == rows.columns
    assert rows.columns_of("stack") == rows.columns
    assert rows.columns_of("images") == ("oof_net_probability",)
    assert tuple(rows.tables().columns) == ("meta_age_approx",)


def test_boosters_hang_on_the_blocks_whose_columns_they_use(made, rows):
    units, [block] = made
    tables = {
        SAMPLES: units["samples"].sha256(SAMPLES),
        FILE: units["folds"].sha256(FILE),
        TRAINING: units["features"].sha256(TRAINING),
    }
    assert rows.hashes(COLUMNS[:2]) == rows.hashes(COLUMNS[:2], 0) == tables
    assert rows.hashes(COLUMNS[1:3], 1) == tables | {"net": block.sha256("oof.parquet")}


def test_rows_that_no_fold_holds_out_are_always_trained_on(tmp_path):
    table, folds, _ = stack_table()
    samples = samples_of(tmp_path / "samples", table)
    folds = [None if fold == 2 else fold for fold in folds]
    units = {
        "samples": samples, "folds": folds_of(tmp_path / "folds", table, folds),
        "features": features_of(tmp_path / "features", samples),
    }  # fmt: skip
    rows = open_stack(files_of(units))
    assert rows.fold_numbers == [0, 1]
    assert rows.rows["fold"].to_list() == [NEVER] * 30 + [0] * 30 + [1] * 30
    with pytest.raises(ConfigError) as refused:
        check_held_out(units["folds"])
    assert str(refused.value) == (
        "Networks say nothing out of fold of rows that no fold holds out; take a folds.scheme that "
        "holds out every row, or stack.networks=false."
    )


def test_only_training_rows_need_a_fold(made):
    check_held_out(made[0]["folds"])


def test_a_unit_made_again_under_its_path_is_opened_anew(tmp_path):
    units, [block] = stack_units(tmp_path)
    before = open_stack(files_of(units, [block]))
    assert open_stack(files_of(units, [block])) is before
    table, folds, says = stack_table()
    values = before.matrix.values[:, 2].copy()
    shutil.rmtree(block.folder)
    other = block_of(block.folder, table, folds, [-one for one in says],
                     units["folds"].facts["fold_hash"])  # fmt: skip
    after = open_stack(files_of(units, [other]))
    assert after is not before
    assert (after.matrix.values[:, 2] == -values).all()


def test_a_unit_that_changed_under_its_hands_is_refused(tmp_path):
    units, blocks = stack_units(tmp_path)
    rows = open_stack(files_of(units, blocks))
    path = units["features"].path(TRAINING)
    path.write_bytes(path.read_bytes()[:-8] + b"\0" * 8)
    with pytest.raises(ArtifactError, match="does not match its hash"):
        _ = rows.matrix


def test_the_stack_takes_one_repeat_of_the_folds(blank):
    check_repeats(blank.job())
    with pytest.raises(ConfigError) as refused:
        check_repeats(blank.job("folds.repeats=2"))
    assert str(refused.value) == "The stack works on one repeat of the folds; folds.repeats is 2."


@pytest.mark.parametrize("name", NAMES)
def test_the_hash_of_all_is_another_where_one_is(made, tmp_path, name):
    units, blocks = made
    other = kept(tmp_path / name, units[name].manifest.stage, {"x.parquet": pl.DataFrame()})
    hashes = [files_of(units, blocks).content, files_of(units).content]
    hashes.append(files_of(units | {name: other}, blocks).content)
    assert len(set(hashes)) == 3


def files_for(job, made, networks=()):
    return stack_files(job, made[0], list(networks))


def test_the_recipes_blocks_stand_before_the_runs_networks(blank, made, tmp_path):
    mine = shutil.copytree(made[1][0].folder, tmp_path / "mine")
    with pytest.raises(ConfigError, match="same name in two sources"):  # columns name their network
        _ = open_stack(files_for(blank.job(f'stack.blocks=["{mine}"]'), made, made[1])).matrix
    files = files_for(blank.job(f'stack.blocks=["{mine}"]', 'stack.leave_out=["cat_*"]'), made)
    assert (files.blocks, files.leave_out) == ((mine,), ("cat_*",))
    files = files_for(blank.job(f'stack.blocks=["{mine}"]'), made, made[1])
    assert files.blocks == (mine, made[1][0].folder)


def test_a_block_that_is_not_there_is_named(blank, made, tmp_path):
    with pytest.raises(ArtifactError) as refused:
        files_for(blank.job(f'stack.blocks=["{tmp_path / "gone"}"]'), made)
    assert str(refused.value) == (
        f"{tmp_path / 'gone'} is not there or unfinished; run 'make stack' first."
    )


@pytest.mark.parametrize("name", ["stack", "tabular", "images", "net"])
def test_blocks_may_not_be_called_as_another_score_is(blank, made, tmp_path, name):
    block = shutil.copytree(made[1][0].folder, tmp_path / name)
    with pytest.raises(ConfigError) as refused:
        files_for(blank.job(f'stack.blocks=["{block}"]'), made, made[1])
    assert str(refused.value) == (
        f"Blocks are called as another score is: {name}; rename their folders."
    )


def test_a_nested_stack_takes_nested_blocks_alone(blank, made, tmp_path):
    table, folds, says = stack_table()
    with pytest.raises(ConfigError) as refused:
        files_for(blank.job("stack.nested=true"), made, made[1])
    assert str(refused.value) == (
        "stack.nested=true, but these blocks have no rows made for each fold's boosters: net; make "
        "them so, or leave them out of stack.blocks."
    )
    of_none = block_of(tmp_path / "encoder", table, folds, says,
                       made[0]["folds"].facts["fold_hash"], learnt_nothing=True)  # fmt: skip
    for nested in ("true", "false"):  # it is the same for all
        files_for(blank.job(f"stack.nested={nested}"), made, [of_none])


def test_a_block_of_other_folds_is_refused(blank, made, tmp_path):
    other = block_of(tmp_path / "other", *stack_table(), "0" * 64)
    with pytest.raises(ArtifactError, match="was made on other folds"):
        files_for(blank.job(), made, [other])


def test_samples_that_are_not_those_of_the_folds_are_refused(made, tmp_path):
    few = sample_table(isic_id=["r000"], patient_id=["p00"], target=[0])
    units = made[0] | {"samples": samples_of(tmp_path / "samples", few)}
    with pytest.raises(ArtifactError, match="do not hold the same images"):
        open_stack(files_of(units))
