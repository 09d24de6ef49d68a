"""Three sides of folds as they are kept, and whose lesion was learnt."""

import polars as pl
import pytest

from folds.sides import Sides, lesion_in_training, with_sides
from tests.by_hand.units import pair_table
from workspace.errors import ConfigError

# id, split, fold, lesion
ROWS = (
    ("t2", "test", None, None), ("a", "train", None, "A"), ("v", "train", 0, "B"),
    ("t1", "test", None, "A"), ("b", "train", None, "C"), ("t0", "test", None, "B"),
)  # fmt: skip


def rows(*some, **columns):
    table = pl.DataFrame(some or ROWS, ["isic_id", "split", "fold", "lesion_id"], orient="row")
    return table.cast({"fold": pl.Int16}).with_columns(**columns)


def ids(sides):
    return [side.to_list() for side in (sides.train, sides.valid, sides.test)]


def test_rows_of_no_fold_are_learnt_those_of_the_fold_validate_and_the_test_is_reported():
    assert ids(Sides.of(rows())) == [["a", "b"], ["v"], ["t0", "t1", "t2"]]


def test_where_we_keep_rows_for_a_last_look_the_source_s_own_test_is_no_side():
    some = rows(*ROWS, ("h", "holdout", None, "H"), ("n", "anchor", None, "N"))
    assert ids(Sides.of(some)) == [["a", "b"], ["v"], ["h"]]
    on_none = with_sides(some).filter(pl.col("side").is_null())["isic_id"]
    assert sorted(on_none) == ["n", "t0", "t1", "t2"]


@pytest.mark.parametrize(
    "columns",
    [
        {"fold": pl.lit(None, pl.Int16)},
        {"fold": pl.when(pl.col("isic_id") == "a").then(1).otherwise("fold")},  # a second fold
        {"fold": pl.when(pl.col("split") == "train").then(0)},  # nothing is always learnt
        {"split": pl.lit("train")},
    ],
)
def test_folds_of_another_kind_have_no_sides(columns):
    with pytest.raises(ConfigError) as refused:
        Sides.of(rows(**columns))
    assert str(refused.value) == (
        "These folds do not have three sides (training, validation, test); take "
        "folds.scheme='official', 'corrected', 'by_lesion' or 'holdout'."
    )


def leaks(*pairs, **columns):
    return dict(lesion_in_training(rows(**columns), pair_table(*pairs)).drop("side").iter_rows())


def test_a_test_image_is_leaked_if_its_lesion_was_learnt_and_not_if_it_validates_alone():
    assert lesion_in_training(rows(), pair_table()).rows() == [
        ("t0", "test", "clean"), ("t1", "test", "leaked"), ("t2", "test", "unknown"),
        ("v", "valid", "clean"),
    ]  # fmt: skip


def test_a_validation_image_is_leaked_likewise():
    found = leaks(lesion_id=pl.col("lesion_id").replace("B", "C"))
    assert found == {"t0": "leaked", "t1": "leaked", "t2": "unknown", "v": "leaked"}


def test_a_copy_of_a_training_picture_is_leaked_whatever_its_lesion_is_called():
    assert leaks(("b", "t0")) == {"t0": "leaked", "t1": "leaked", "t2": "unknown", "v": "leaked"}
    # Nobody knows the lesion of t2, and training has the picture.
    assert leaks(("a", "t2")) == {"t0": "clean", "t1": "leaked", "t2": "leaked", "v": "clean"}
    # Not learnt: t2 is another picture of the lesion that t0 and v show, which training has not.
    assert leaks(("t0", "t2"))["t2"] == "unknown"
    # By a third one: t2 is v's picture, and t0, of v's lesion, is one of training's.
    assert leaks(("t2", "v"), ("a", "t0"))["t2"] == "leaked"


def test_a_lesion_that_is_called_as_a_picture_is_not_that_picture():
    assert leaks(lesion_id=pl.col("lesion_id").replace("A", "t2"))["t2"] == "unknown"
