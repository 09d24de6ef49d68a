"""Rows with a picture, by id: who is held out, what a network may learn, what travels."""

import pickle

import polars as pl
import pytest

from folds.findings import Findings
from folds.frozen import FILE
from folds.schema import ID
from pipeline.picture_rows import networks_of, notice_pictureless, open_picture_rows
from tests.by_hand.pictures import HELD_OUT, PicturesByHand
from workspace.errors import ArtifactError, ConfigError


@pytest.fixture
def made(tmp_path):
    return PicturesByHand(tmp_path)


@pytest.fixture
def rows(made):
    return open_picture_rows(made.files())


def names(rows, indices):
    return rows.table[ID].gather(indices).to_list()


def test_rows_are_those_with_a_picture_by_id_and_the_others_stand_aside(rows):
    assert rows.table[ID].to_list() == [
        "a0", "a1", "b0", "c0", "c1", "e0", "e1", "f0", "g0", "g1", "g2", "h0", "t0",
    ]  # fmt: skip
    assert rows.pictureless.rows() == [("d0", "train", 1), ("t1", "test", None)]
    assert rows.pictures.ids.to_list() == rows.table[ID].to_list()


def test_a_rows_split_is_that_of_the_folds_not_of_the_source(rows):
    split = dict(rows.table.select(ID, "split").iter_rows())
    assert [split[name] for name in ("a0", "g0", "h0", "t0")] == [
        "train", "anchor", "holdout", "test",
    ]  # fmt: skip


def test_a_fold_holds_out_its_own_rows_and_learns_from_those_of_the_other_folds_alone(rows):
    assert list(rows.by_fold) == [0, 1, 2]
    for fold, (learnt, out) in rows.by_fold.items():
        others = [name for other, of in HELD_OUT.items() if other != fold for name in of]
        assert names(rows, out) == HELD_OUT[fold]
        assert names(rows, learnt.training) == others  # no anchor, no holdout, no test row
        assert learnt.held_out == fold


def test_patients_are_numbered_alike_wherever_they_lie(rows):
    number = dict(zip(rows.table[ID], rows.groups, strict=True))
    assert number["a0"] == number["a1"] != number["b0"]
    assert number["g0"] == number["g1"] == number["g2"]
    assert len(set(number.values())) == 8
    for learnt, _ in rows.by_fold.values():
        assert (learnt.groups == rows.groups).all()  # of every row, by its index


def test_unseen_are_the_rows_that_no_fold_has_anything_to_do_with(rows):
    assert names(rows, rows.unseen) == ["g0", "g1", "g2", "h0", "t0"]


def test_a_pair_learns_from_neither_of_its_folds_and_holds_out_both(rows):
    assert rows.fold_pairs(nested=True) == [(0, 1), (0, 2), (1, 2)]
    for pair in rows.fold_pairs(nested=True):
        learnt, out = rows.without(pair)
        [third] = {0, 1, 2} - set(pair)
        assert names(rows, learnt.training) == HELD_OUT[third]
        assert names(rows, out) == [name for fold in pair for name in HELD_OUT[fold]]
        assert learnt.held_out == pair
    one, out = rows.without(1)
    assert (one.held_out, names(rows, out)) == (1, HELD_OUT[1])


def test_without_a_nested_stack_there_are_no_pairs_and_with_two_folds_none_can_be(made, rows):
    assert rows.fold_pairs(nested=False) == []
    made.keep_folds(made.rows.with_columns(pl.col("fold").replace({2: 1})))
    with pytest.raises(ConfigError) as refused:
        open_picture_rows(made.files()).fold_pairs(nested=True)
    assert str(refused.value) == (
        "stack.nested needs three folds or more; there are 2. Raise folds.n_folds, or take "
        "stack.nested=false."
    )


def test_a_row_that_no_fold_holds_out_is_learnt_by_every_fold(made):
    always = pl.when(pl.col("patient_id") == "pb").then(None).otherwise(pl.col("fold"))
    made.keep_folds(made.rows.with_columns(always.alias("fold")))
    rows = open_picture_rows(made.files())
    for learnt, out in rows.by_fold.values():
        assert "b0" in names(rows, learnt.training)
        assert "b0" not in names(rows, out)
    assert "b0" not in names(rows, rows.unseen)


def test_whose_a_row_is_is_known_where_the_data_say_it(made, rows):
    assert rows.patient.to_list()[:4] == ["pa", "pa", "pb", "pc"]
    assert open_picture_rows(made.files(made.job("data.group=none"))).patient is None


def test_networks_are_those_that_learn_in_the_recipes_order_with_labels_of_these_rows(made, rows):
    job = made.job('use_networks=["which", "plain", "flag"]')
    found = networks_of(job, rows, Findings())
    assert list(found) == ["which", "flag"]
    codes = {name: dict(zip(rows.table[ID], one.codes, strict=True)) for name, one in found.items()}
    assert [codes["flag"][name] for name in ("a0", "a1", "t0")] == [0, 1, -1]
    assert [codes["which"][name] for name in ("a0", "a1", "c0", "h0")] == [-1, 0, 1, 1]


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        (
            "data.images=none",
            "This recipe uses no images (data.images='none'); networks need them. For a stack of "
            "tables alone take stack.networks=false.",
        ),
        ("folds.repeats=2", "Networks work on one repeat; folds.repeats is 2."),
    ],
)
def test_without_pictures_or_on_several_repeats_there_are_no_networks(made, setting, said):
    with pytest.raises(ConfigError) as refused:
        made.files(made.job(setting))
    assert str(refused.value) == said


def test_hashes_are_of_the_rows_and_of_what_pictures_hold(made):
    before = made.files()
    samples = made.unit("samples", stage="verify")
    assert before.hashes() == {
        "samples.parquet": samples.sha256("samples.parquet"),
        "images.parquet": samples.sha256("images.parquet"),
    }
    assert before.folds_sha == made.unit("folds", stage="folds").sha256(FILE)
    path = made.data / "pictures" / "a0.png"
    path.write_bytes((made.data / "pictures" / "a1.png").read_bytes())
    made.keep_samples()
    after = made.files()
    assert after.content != before.content
    assert (after.rows_sha, after.folds_sha) == (before.rows_sha, before.folds_sha)


def test_pictures_that_nobody_looked_at_are_known_by_the_raw_files(made):
    looked, unlooked = made.files(), made.files(made.job("verify.look_at_images=false"))
    assert looked.content == made.unit("samples", stage="verify").sha256("images.parquet")
    assert unlooked.content != looked.content


def test_rows_are_opened_once_and_anew_where_another_unit_lies_under_the_same_path(made, rows):
    assert open_picture_rows(made.files()) is rows
    made.keep_folds(made.rows.with_columns((2 - pl.col("fold")).alias("fold")))
    after = open_picture_rows(made.files())
    assert names(after, after.by_fold[0][1]) == HELD_OUT[2]
    made.keep_samples(age_approx=pl.lit(50.0))
    assert "age_approx" in open_picture_rows(made.files()).table.columns


def test_files_travel_to_another_process_and_open_the_same_there(made, rows):
    arrived = pickle.loads(pickle.dumps(made.files()))
    assert open_picture_rows(arrived) is rows


def test_folds_of_other_rows_are_refused(made):
    made.keep_folds(made.rows.filter(pl.col("isic_id") != "b0"))
    with pytest.raises(ArtifactError, match=r"do not hold the same images: \[b0\]"):
        open_picture_rows(made.files())


def test_rows_without_a_picture_are_told_once_in_a_call(made, rows):
    job = made.job()
    for _ in range(2):
        notice_pictureless(job, rows)
    assert made.lines() == ["notice: 2 rows without a picture: networks say nothing there."]


def test_a_scheme_of_three_sides_says_what_is_learnt_what_decides_and_what_is_reported(made):
    one_fold = pl.when(pl.col("fold") == 1).then(0).otherwise(None).cast(pl.Int16)
    made.keep_folds(made.rows.with_columns(one_fold.alias("fold")))
    learnt, test = open_picture_rows(made.files()).by_side
    rows = open_picture_rows(made.files())
    assert names(rows, learnt.training) == ["a0", "a1", "b0", "e0", "e1", "f0"]
    assert names(rows, learnt.validation) == ["c0", "c1"]  # d0 has no picture
    assert names(rows, test) == ["h0"]
    assert learnt.held_out == 0
    assert (learnt.groups == rows.groups).all()


def test_folds_that_hold_out_every_row_have_no_such_sides(rows):
    assert rows.by_fold[0][0].validation is None
    with pytest.raises(ConfigError, match=r"^These folds do not have three sides"):
        rows.by_side  # noqa: B018 - it is asked here
