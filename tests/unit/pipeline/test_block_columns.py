"""What networks say of rows as columns: which network sees which rows, by id, flat and nested."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.networks.use import maker_of
from pipeline.block_columns import NetworkColumns, anchors_of, joined
from pipeline.columns import columns_of, output_of
from pipeline.embeddings import Embedded, OtherPictures, PictureSet
from pipeline.picture_rows import open_picture_rows
from stacking.alignment.columns import NetworkOutput, fit_aligned
from tests.by_hand.pictures import HELD_OUT, PicturesByHand, number_of
from workspace.errors import ArtifactError, ConfigError, DataError

PAIRS = [(0, 1), (0, 2), (1, 2)]
RAW = ["emb_flag_0000", "emb_flag_0001"]


@pytest.fixture
def made(tmp_path):
    return PicturesByHand(tmp_path)


@pytest.fixture
def columns(made):
    """A network's columns; `embed` first: what is asked for is there."""

    def build(nested=False, encoder=False, embed=True, anchors=None):
        rows = open_picture_rows(made.files())
        if encoder:
            one = made.keep_network("plain", None, classes=())
            units = dict.fromkeys(rows.by_fold, one)
        else:
            every = [*rows.by_fold, *(PAIRS if nested else [])]
            units = {k: made.keep_network("flag", k) for k in every}
        found = NetworkColumns(made.run, rows, units, anchors or anchors_of(made.job(), rows))
        for unit, some in found.sets() if embed else ():
            made.keep_shard(unit, some)
        return found

    return build


def aligned(columns, which=0, name="flag", job=None, **values):
    """The maps of some embedders, raw unless said otherwise."""
    some = list(columns.embedders())[which]
    config = job.recipe.align.model_copy(update=values)
    outputs = {fold: columns.of_anchors(one) for fold, one in some.by_fold.items()}
    return fit_aligned(name, columns.classes, outputs, config)


def asked(columns):
    return {
        (unit.folder.name, some.name): [columns.rows.table["isic_id"][int(i)] for i in some.indices]
        for unit, some in columns.sets()
    }


UNSEEN = ["g0", "g1", "g2", "h0", "t0"]


def test_flat_each_folds_network_sees_its_own_rows_and_the_unseen_ones(columns):
    found = asked(columns(embed=False))
    assert found == {
        **{(f"flag_fold_{k}", "held_out"): HELD_OUT[k] for k in HELD_OUT},
        **{(f"flag_fold_{k}", "elsewhere"): UNSEEN for k in HELD_OUT},
    }  # the anchors are among the unseen


def test_nested_a_folds_boosters_have_rows_by_networks_that_saw_neither(columns):
    some = {one.folds: (dict(one.by_fold), one.prefix) for one in columns(nested=True).embedders()}
    assert some == {
        (0,): ({0: 0, 1: (0, 1), 2: (0, 2)}, "fold_0_"),
        (1,): ({0: (0, 1), 1: 1, 2: (1, 2)}, "fold_1_"),
        (2,): ({0: (0, 2), 1: (1, 2), 2: 2}, "fold_2_"),
    }


def test_nested_a_pairs_network_sees_both_its_folds_and_the_anchors_but_no_test_row(columns):
    found = asked(columns(nested=True, embed=False))
    assert found == {
        **{(f"flag_fold_{k}", "held_out"): HELD_OUT[k] for k in HELD_OUT},
        **{(f"flag_fold_{k}", "elsewhere"): UNSEEN for k in HELD_OUT},
        **{(f"flag_fold_{a}_{b}", f"held_out_{k}"): HELD_OUT[k] for a, b in PAIRS for k in (a, b)},
        **{(f"flag_fold_{a}_{b}", "anchors"): UNSEEN[:3] for a, b in PAIRS},
    }


def test_an_encoder_sees_the_rows_of_all_folds_under_names_of_their_own(columns):
    found = columns(encoder=True, embed=False)
    assert asked(found) == {
        **{("plain", f"held_out_{k}"): HELD_OUT[k] for k in HELD_OUT},
        ("plain", "elsewhere"): UNSEEN,
    }
    assert found.classes == ()
    assert found.pairs == []


def test_held_out_rows_are_by_id_with_fold_and_maker_and_null_without_a_picture(made, columns):
    found = columns()
    map_of = aligned(found, job=made.job())
    table = found.held_out(map_of, 1, 1)
    assert table.columns == ["isic_id", *RAW, "fold", "maker"]
    maker = maker_of(found.units[1])
    by_hand = [(name, number_of(name), 2 * number_of(name) + 1, 1, maker) for name in HELD_OUT[1]]
    assert table.rows() == [*by_hand, ("d0", None, None, 1, maker)]
    assert table.schema["fold"].to_python() is int
    assert found.held_out(map_of, 2, 2)["isic_id"].to_list() == HELD_OUT[2]


def test_unseen_rows_are_those_of_the_tests_by_each_folds_network_and_no_anchor(made, columns):
    found = columns()
    table = found.unseen(aligned(found, job=made.job()), 2)
    assert table["isic_id"].to_list() == ["h0", "t0", "t1"]
    assert table[RAW[1]].to_list() == [2 * number_of("h0") + 2, 2 * number_of("t0") + 2,
                                       None]  # fmt: skip
    assert table["fold"].to_list() == [2, 2, 2]
    assert set(table["maker"]) == {maker_of(found.units[2])}


def test_anchors_are_the_same_pictures_whoever_sees_them(made, columns):
    found = columns(nested=True)
    first = [number_of(name) for name in UNSEEN[:3]]
    for held_out in found.units:
        assert found.of_anchors(held_out).embedding[:, 0].tolist() == first
    apart = {k: found.of_anchors(k).embedding[0, 1] for k in found.units}
    assert apart[0] != apart[(0, 2)]  # though each by its own eyes


def test_nested_rows_of_a_fold_are_those_of_the_network_that_left_out_both(made, columns):
    found = columns(nested=True)
    map_of = aligned(found, which=0, job=made.job())
    table = found.held_out(map_of, 2, (0, 2))
    assert table["isic_id"].to_list() == HELD_OUT[2]
    assert set(table["maker"]) == {maker_of(found.units[(0, 2)])}
    assert table[RAW[1]].to_list() == [2 * number_of(name) + 2 for name in HELD_OUT[2]]


def test_a_nested_block_says_who_made_what_for_whose_boosters(columns):
    found = columns(nested=True, embed=False)
    pair = {k: maker_of(found.units[k]) for k in PAIRS}
    assert found.inner_makers() == {
        "0": {"1": pair[(0, 1)], "2": pair[(0, 2)]},
        "1": {"0": pair[(0, 1)], "2": pair[(1, 2)]},
        "2": {"0": pair[(0, 2)], "1": pair[(1, 2)]},
    }


def test_what_was_not_embedded_is_refused(made, columns):
    found = columns()
    shutil.rmtree(made.run / "embeddings" / "flag_fold_1" / "held_out_00000")
    map_of = aligned(found, job=made.job())
    with pytest.raises(ArtifactError, match="held_out_00000 is not there or unfinished"):
        found.held_out(map_of, 1, 1)


def test_a_shard_that_lies_anew_under_the_same_path_is_read_anew(made, columns):
    found = columns()
    before = found.of_anchors(0).embedding
    for unit, some in found.sets():
        made.keep_shard(unit, some, change=1.0)
    after = found.of_anchors(0).embedding
    assert (after[:, 1] == before[:, 1] + 1).all()


def test_sizes_and_patients_are_looked_up_by_the_rows_that_are_scored(made, columns):
    import polars as pl  # noqa: PLC0415

    made.keep_samples(clin_size_long_diam_mm=pl.lit(4.0))
    found = columns()
    map_of = aligned(found, job=made.job(), context=True)
    table = found.held_out(map_of, 0, 0)
    assert {"emb_flag_nearest", "emb_flag_mean", "emb_flag_largest"} <= set(table.columns)
    nearest = dict(table.select("isic_id", "emb_flag_nearest").iter_rows())
    assert nearest["a0"] == nearest["a1"]  # of one patient, each the other's nearest
    assert nearest["b0"] is None or nearest["b0"] != nearest["a0"]  # alone


def test_probabilities_become_scalars_of_the_rows_own_fold(made, columns):
    found = columns()
    map_of = aligned(found, job=made.job(), method="scalars", scalars=True)
    table = found.held_out(map_of, 1, 1)
    share = dict(table.select("isic_id", "oof_flag_probability").iter_rows())
    assert share["c0"] == pytest.approx((number_of("c0") + 1) / 100)
    assert share["d0"] is None


@pytest.mark.parametrize("indices", [None, [2, 0]])
def test_an_output_is_of_the_rows_asked_for_in_their_order(made, columns, indices):
    found = columns()
    some = Embedded.open(made.run, found.units[0], found._held_out(0, 0))
    output = output_of(some, None if indices is None else np.array(indices))
    ids = [HELD_OUT[0][at] for at in indices or range(3)]
    assert output.embedding[:, 0].tolist() == [number_of(name) for name in ids]
    assert output.probability[:, 0].tolist() == [number_of(name) / 100 for name in ids]


def test_an_encoders_output_has_no_probability(made, columns):
    found = columns(encoder=True)
    output = found.of_anchors(1)
    assert output.probability.shape == (3, 0)


def test_no_number_becomes_null_for_the_booster():
    import polars as pl  # noqa: PLC0415

    class Odd:
        def columns(self, fold, output, patients, size):
            assert size is None
            return {"emb_x_0000": np.array([np.nan, 2.0], np.float32)}

    rows = pl.DataFrame({"isic_id": ["b", "a"], "patient_id": ["p", "p"]})
    output = NetworkOutput(np.zeros((2, 1)), np.zeros((2, 0)))
    assert columns_of(Odd(), 0, output, rows).rows() == [("b", None), ("a", 2.0)]


def test_tables_are_joined_by_id_and_then_by_fold():
    import polars as pl  # noqa: PLC0415

    one = pl.DataFrame({"isic_id": ["b", "a"], "fold": [1, 1], "x": [1.0, 2.0]})
    other = pl.DataFrame({"isic_id": ["a", "c"], "fold": [0, 0]})
    assert joined([one, other]).rows() == [("a", 0, None), ("a", 1, 2.0), ("b", 1, 1.0),
                                           ("c", 0, None)]  # fmt: skip


def test_anchors_are_rows_of_their_own_split_among_the_unseen(made):
    rows = open_picture_rows(made.files())
    anchors = anchors_of(made.job(), rows)
    ids = rows.table["isic_id"]
    assert [ids[int(at)] for at in anchors.indices] == UNSEEN[:3]
    assert [UNSEEN[at] for at in anchors.among] == UNSEEN[:3]
    assert anchors.content == rows.files.content
    assert len(anchors) == 3
    tests = anchors_of(made.job("align.anchors=test", least_anchors=1), rows)
    assert [ids[int(at)] for at in tests.indices] == ["t0"]


def test_too_few_anchors_are_refused(made):
    rows = open_picture_rows(made.files())
    with pytest.raises(ConfigError, match="There are 3 anchors"):
        anchors_of(made.job(least_anchors=4), rows)


@pytest.fixture
def own(made, tmp_path):
    """Pictures of one's own: copies of what no network learns from."""
    folder = tmp_path / "own"
    folder.mkdir()
    for name in ("g0", "g1", "t0"):
        shutil.copy(made.data / "pictures" / f"{name}.png", folder / f"x_{name}.png")
    return folder


def of_ones_own(made, folder, *settings):
    job = made.job("align.anchors=pictures", f"align.pictures={folder}", *settings)
    return anchors_of(job, open_picture_rows(made.files()))


def test_anchors_of_ones_own_are_no_rows_and_are_embedded_by_every_network(made, own, columns):
    anchors = of_ones_own(made, own)
    assert anchors.pictures.ids == ("x_g0", "x_g1", "x_t0")
    assert anchors.among is None
    found = columns(embed=False, anchors=anchors)
    sets = [(unit.folder.name, some.name) for unit, some in found.sets()]
    assert [name for name, some in sets if some == "anchors"] == [
        "flag_fold_0", "flag_fold_1", "flag_fold_2",
    ]  # fmt: skip
    (own / "x_g0.png").write_bytes((own / "x_t0.png").read_bytes())
    assert of_ones_own(made, own).content != anchors.content


def test_anchors_that_networks_learn_from_are_refused_whatever_they_are_called(made, own):
    shutil.copy(made.data / "pictures" / "a0.png", own / "innocent.png")
    with pytest.raises(DataError) as refused:
        of_ones_own(made, own)
    assert str(refused.value) == (
        "1 picture of align.pictures is byte for byte what networks learn from: [innocent]; leave "
        "them out."
    )


def test_damaged_anchors_or_none_at_all_are_refused(made, own):
    (own / "broken.png").write_bytes(b"no picture")
    with pytest.raises(DataError) as refused:
        of_ones_own(made, own)
    assert str(refused.value) == "Damaged pictures in align.pictures: [broken]; mend them."
    gone = Path(own.parent / "gone")
    with pytest.raises(ConfigError) as refused:
        of_ones_own(made, gone)
    assert str(refused.value) == f"align.pictures names {gone}, which is not there."


def test_nobody_can_tell_the_anchors_where_pictures_were_not_looked_at(made, own):
    with pytest.raises(ConfigError, match=r"needs verify\.look_at_images=true"):
        of_ones_own(made, own, "verify.look_at_images=false")


def test_a_set_is_cut_in_order_and_named_by_its_place(monkeypatch):
    monkeypatch.setattr("pipeline.embeddings.SHARD", 2)
    some = PictureSet("x", OtherPictures(Path(), "c", (), ()), np.array([4, 1, 3, 0, 2]), "c")
    assert [(name, part.tolist()) for name, part in some.shards()] == [
        ("x_00000", [4, 1]), ("x_00001", [3, 0]), ("x_00002", [2]),
    ]  # fmt: skip
    assert [name for name, _ in replace(some, indices=np.array([], int)).shards()] == ["x_00000"]
