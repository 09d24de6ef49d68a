"""What is counted before any model, and of which rows."""

import polars as pl
import pytest

from folds.explored import (
    diagnoses,
    looked_at,
    missing,
    positives_by_group,
    size_of_own_group,
    words_of,
)
from folds.split import FOLD_COLUMNS
from tests.by_hand.units import sample_table


def folds_of(*repeats):
    """Each a text of sides, a letter a row of a, b, c, ...: l(earnt), v(alidation), t(est)."""
    rows = [
        ("abcdef"[at], "abcdef"[at], repeat, "holdout" if side == "t" else "train",
         0 if side == "v" else None)
        for repeat, sides in enumerate(repeats)
        for at, side in enumerate(sides)
    ]  # fmt: skip
    return pl.DataFrame(rows, pl.Schema(FOLD_COLUMNS), orient="row")


def test_the_sources_test_is_never_looked_at():
    table = sample_table(
        isic_id=["c", "a", "b"], target=[1, 0, None], split=["train", "valid", "test"]
    )
    assert looked_at(table)["isic_id"].to_list() == ["a", "c"]


def test_of_folds_with_a_test_side_only_what_is_always_learnt_from_is_looked_at():
    table = sample_table(isic_id=list("abcd"), target=[0, 1, 0, 1])
    assert looked_at(table, folds_of("lvtl"))["isic_id"].to_list() == ["a", "d"]
    # What one repeat learns from and another holds out has been held out.
    assert looked_at(table, folds_of("llvt", "ltvl"))["isic_id"].to_list() == ["a"]


def test_diagnoses_are_counted_the_commonest_first_and_none_last():
    table = sample_table(
        isic_id=list("abcde"), target=[0, 1, 0, 1, 0], diagnosis=["nv", "mel", None, "nv", "nv"],
    )  # fmt: skip
    found = diagnoses(table, pl.Series(["p", "p", "q", "q", "q"]))
    assert [tuple(one.values()) for one in found] == [
        ("nv", 3, 1, 2), ("mel", 1, 1, 1), (None, 1, 0, 1),
    ]  # fmt: skip


def test_every_column_says_what_it_lacks_nan_included():
    table = sample_table(
        isic_id=["a", "b"], target=[0, 1], patient_id=["p", None], sex=["f", None],
        age_approx=[float("nan"), 3.0],
    )  # fmt: skip
    found = {one["column"]: (one["kind"], one["missing"]) for one in missing(table)}
    assert found == {
        "diagnosis": ("core", 2), "patient_id": ("core", 1), "lesion_id": ("core", 2),
        "hospital": ("core", 2), "sex": ("category", 1), "age_approx": ("number", 1),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("rows", "word"),
    [(1, "1"), (2, "2"), (3, "3-5"), (5, "3-5"), (6, "6-10"), (10, "6-10"), (11, "11-30"),
     (1000, "301-1000"), (1001, "over 1000")],
)  # fmt: skip
def test_a_row_knows_how_many_its_group_has(rows, word):
    found = size_of_own_group(pl.Series(["p"] * rows + ["q"]))
    assert found.to_list() == [word] * rows + ["1"]
    assert word in words_of()


def test_groups_are_counted_by_their_positives_from_five_on_together():
    table = sample_table(
        isic_id=[f"i{at:02d}" for at in range(16)], target=[1] * 5 + [1] * 6 + [0, 0, 0, 1, 0]
    )
    whose = pl.Series(["p"] * 5 + ["q"] * 6 + ["r", "r", "s", "t", "t"])
    assert [tuple(one.values()) for one in positives_by_group(table, whose)] == [
        (0, 2, 3, 0), (1, 1, 2, 1), (5, 2, 11, 11),
    ]  # fmt: skip
