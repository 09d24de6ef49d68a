"""What is opened once a process: never what lay there before; joined by id, not by position."""

import shutil

import polars as pl
import pytest

from folds.schema import ID, TARGET
from pipeline import stack_rows
from pipeline.fold_table import folded_rows
from pipeline.machine import Machine, memory_gb
from pipeline.picture_rows import open_picture_rows, picture_files
from pipeline.samples import SAMPLES, is_drawn
from pipeline.stack_rows import StackFiles, check_repeats, open_stack
from stacking.fold import FOLD
from workspace.errors import ArtifactError, ConfigError
from workspace.manifest import Wanted
from workspace.units import making, open_unit


def rewritten(folder, stage, file, change):
    """The unit anew, with one table changed."""
    unit = open_unit(folder, stage)
    others = {name: unit.path(name).read_bytes() for name in unit.manifest.files if name != file}
    table, facts = unit.parquet(file), unit.parquet_facts(file)
    wanted = Wanted(**{name: getattr(unit.manifest, name) for name in Wanted.model_fields})
    with making(folder, wanted) as draft:
        for name, data in others.items():
            (draft.folder / name).write_bytes(data)
        draft.parquet(file, change(table), facts)
        draft.facts.update(unit.facts)
    return open_unit(folder, stage)


def turned(table):
    return table.with_columns(pl.when(pl.col(TARGET) == 1).then(0).otherwise(1).alias(TARGET))


def files_of(run, samples=None):
    samples = samples or open_unit(run / "samples", "verify")
    folded, featured = open_unit(run / "folds", "folds"), open_unit(run / "features", "features")
    return StackFiles.of(samples, folded, featured, [], ())


def test_a_stack_is_opened_once_and_again_where_a_unit_is_another(tiny, tmp_path):
    run = tiny.copy(tmp_path).run
    before = open_stack(files_of(run))
    assert open_stack(files_of(run)) is before
    samples = rewritten(run / "samples", "verify", SAMPLES, lambda t: turned(t).cast(t.schema))
    after = open_stack(files_of(run, samples))
    both = before.rows.join(after.rows, on=ID, validate="1:1")
    assert (both[TARGET] + both[f"{TARGET}_right"] == 1).all()


def test_a_stack_whose_unit_changed_under_its_hands_is_refused(tiny, tmp_path):
    run = tiny.copy(tmp_path).run
    rows = open_stack(files_of(run))
    path = run / "features" / "features.parquet"
    path.write_bytes(path.read_bytes()[:-8] + b"\0" * 8)
    with pytest.raises(ArtifactError, match="does not match its hash"):
        _ = rows.matrix


def test_pictures_are_opened_again_where_folds_or_rows_are_others(tiny, tmp_path):
    other = tiny.copy(tmp_path)
    units = [open_unit(other.run / "samples", "verify"), open_unit(other.run / "folds", "folds")]
    before = picture_files(other.job(), *units)
    rows = open_picture_rows(before)
    assert open_picture_rows(picture_files(other.job(), *units)) is rows
    units[0] = rewritten(
        other.run / "samples", "verify", SAMPLES, lambda t: turned(t).cast(t.schema)
    )
    after = picture_files(other.job(), *units)
    assert (after.rows_sha != before.rows_sha, after.folds_sha == before.folds_sha) == (True, True)
    assert open_picture_rows(after) is not rows
    assert (open_picture_rows(after).table[TARGET] != rows.table[TARGET]).all()


def test_what_a_fold_learns_from_and_holds_out_are_other_rows_and_other_patients(picture_files):
    rows = open_picture_rows(picture_files)
    held_out = []
    for fold, (learnt, out) in rows.by_fold.items():
        assert not set(rows.groups[learnt.training]) & set(rows.groups[out])
        assert set(rows.table[FOLD].gather(out)) == {fold}
        assert not set(rows.unseen) & {*learnt.training, *out}
        held_out += list(out)
    assert len(held_out) == len(set(held_out))
    pairs = rows.fold_pairs(nested=True)
    assert pairs == [(0, 1), (0, 2), (1, 2)]
    learnt, out = rows.without((0, 2))
    assert set(out) == {*rows.by_fold[0][1], *rows.by_fold[2][1]}
    assert set(learnt.training) <= set(rows.by_fold[1][1])
    assert rows.fold_pairs(nested=False) == []


def test_rows_are_joined_by_id_and_sorted(verified, folded):
    samples = verified.parquet(SAMPLES)
    mixed = samples.sample(fraction=1.0, shuffle=True, seed=3)
    table = folded_rows(folded, mixed)
    assert table.equals(folded_rows(folded, samples))
    assert table[ID].is_sorted()
    again = table.join(samples, on=ID, suffix="_before")
    assert (again["patient_id"] == again["patient_id_before"]).all()


def test_a_networks_pictures_are_those_of_their_ids(picture_files):
    rows = open_picture_rows(picture_files)
    assert rows.pictures.ids.to_list() == rows.table[ID].to_list()


def test_columns_are_known_without_the_matrix_and_in_its_order(stack_files):
    rows = stack_rows.open_stack(stack_files)
    assert rows.columns == tuple(rows.matrix.columns)
    assert set(rows.columns_of("tabular")) | set(rows.columns_of("images")) == set(rows.columns)
    assert not set(rows.columns_of("tabular")) & set(rows.columns_of("images"))
    some = rows.columns_of("tabular")
    assert tuple(rows.learnt(some, 0).columns) == some
    blocks = {name for name in rows.hashes(rows.columns) if "small" in name or "plain" in name}
    assert blocks
    assert not {name for name in rows.hashes(some) if "small" in name or "plain" in name}


def test_one_repeat_is_all_that_networks_and_stacks_take(tiny, verified, folded):
    job = tiny.job("folds.repeats=2")
    with pytest.raises(ConfigError) as refused:
        check_repeats(job)
    assert str(refused.value) == ("The stack works on one repeat of the folds; folds.repeats is 2.")
    with pytest.raises(ConfigError) as refused:
        picture_files(job, verified, folded)
    assert str(refused.value) == "Networks work on one repeat; folds.repeats is 2."


def test_pictures_that_nobody_looked_at_are_known_by_the_raw_files(tiny, verified, folded):
    looked = picture_files(tiny.job(), verified, folded)
    unlooked = picture_files(tiny.job("verify.look_at_images=false"), verified, folded)
    assert looked.content == verified.sha256("images.parquet") != unlooked.content


def test_only_what_make_sample_wrote_is_drawn(tiny, tmp_path):
    assert is_drawn(tiny.data)
    assert not is_drawn(tiny.run / "folds")
    assert not is_drawn(tmp_path)
    shutil.copy(tiny.run / "folds" / "manifest.json", tmp_path)
    assert not is_drawn(tmp_path)
    (tmp_path / "manifest.json").write_text("{}")
    assert not is_drawn(tmp_path)


def test_workers_share_the_memory_for_pictures(monkeypatch):
    monkeypatch.delenv("DERMSTACK_JOBS", raising=False)
    whole = memory_gb()
    monkeypatch.setenv("DERMSTACK_JOBS", "4")
    assert memory_gb() == whole / 4


def test_a_device_that_is_not_there_is_refused_and_a_cpu_repeats():
    with pytest.raises(ConfigError) as refused:
        Machine("mps").torch_device()
    assert str(refused.value) == "DEVICE=mps is not there; take DEVICE=cpu or leave it out."
    assert Machine("cpu").repeatable()


def test_networks_compute_with_the_threads_of_one_process(monkeypatch):
    import torch  # noqa: PLC0415

    before = torch.get_num_threads()
    monkeypatch.setenv("DERMSTACK_THREADS", "2")
    Machine("cpu").torch_device()
    assert torch.get_num_threads() == 2
    torch.set_num_threads(before)
