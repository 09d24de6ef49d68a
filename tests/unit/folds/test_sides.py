"""Three sides of folds as they are kept, and whose lesion was learnt."""

import polars as pl
import pytest

from folds.sides import Sides, lesion_in_training, with_sides
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


def test_a_test_image_is_leaked_if_its_lesion_was_learnt_and_not_if_it_validates_alone():
    assert lesion_in_training(rows()).rows() == [
        ("t0", "clean"), ("t1", "leaked"), ("t2", "unknown"),
    ]  # fmt: skip
