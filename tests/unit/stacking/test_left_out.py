"""Scores of the same rows both ways: joined by id, paired, none where there is one class."""

import polars as pl
import pytest

from metrics.score_sheet import ScoreConfig
from stacking.left_out import Scored, both_ways, left_out_sheet, notes_of

QUICK = ScoreConfig(replicates=100, seeds=(0,))
IDS = ["a", "b", "c", "d", "e", "f"]
# A: a and b; B: c, d, e; C: f, who has no positive. Cross-validated all is in order; without its
# hospital A is the wrong way round, and of B's two pairs one is.
ROWS = pl.DataFrame(
    {
        "isic_id": IDS, "target": [0, 1, 0, 0, 1, 0], "fold": [0, 0, 1, 1, 1, 2],
        "group_id": ["p", "q", "r", "s", "t", "u"],
    }
)  # fmt: skip
OWN = pl.DataFrame({"isic_id": IDS, "stack": [0.1, 0.9, 0.2, 0.3, 0.8, 0.4]})
OTHER = pl.DataFrame({"isic_id": IDS, "stack": [0.9, 0.1, 0.2, 0.7, 0.5, 0.3]})


def scored(own=OWN, other=OTHER, patient="group_id"):
    tables = {"cross_validated": own, "left_out": other}
    both, alone = both_ways(["stack"], tables, "isic_id")
    return Scored(both.join(ROWS, on="isic_id", validate="1:1"), ["stack"], patient), alone


def auc_of(sheet, way):
    return sheet["scores"]["stack"][way]["auc"]["value"]


def test_rows_are_joined_by_id_whatever_their_order():
    whole, alone = scored()
    shuffled, _ = scored(OWN.sample(6, shuffle=True, seed=1), OTHER.reverse())
    assert shuffled.rows.equals(whole.rows)
    assert alone == {"cross_validated": 0, "left_out": 0}


def test_each_way_and_the_second_minus_the_first_by_hospital_and_over_all():
    whole, _ = scored()
    first, second, overall = (
        left_out_sheet(one, names, QUICK)
        for one, names in (
            (whole.of_fold(0), ["A"]), (whole.of_fold(1), ["B"]), (whole, ["A", "B", "C"]),
        )
    )  # fmt: skip
    assert [auc_of(first, way) for way in ("cross_validated", "left_out", "minus")] == [1, 0, -1]
    assert [auc_of(second, way) for way in ("cross_validated", "left_out", "minus")] == [
        1, 0.5, -0.5
    ]  # fmt: skip
    # Positives .1 and .5 against .9, .2, .7, .3: two of eight pairs.
    assert auc_of(overall, "left_out") == 2 / 8
    assert auc_of(overall, "minus") == pytest.approx(-6 / 8)
    assert (first["n"], first["positives"], first["patients"]) == (2, 1, 2)
    assert (overall["n"], overall["positives"], overall["patients"]) == (6, 2, 6)


def test_a_difference_without_twenty_patients_with_a_positive_has_no_interval_and_says_so():
    minus = left_out_sheet(scored()[0], [], QUICK)["scores"]["stack"]["minus"]["pauc"]
    assert (minus["low"], minus["high"]) == (None, None)
    assert minus["reason"].startswith("No interval where fewer than 20 patients with a positive")


def test_with_enough_patients_the_same_scores_differ_by_nothing_on_every_draw():
    ids = [f"r{n:03d}" for n in range(120)]
    rows = pl.DataFrame(
        {"isic_id": ids, "target": [n % 3 == 0 for n in range(120)], "group_id": ids}
    ).with_columns(pl.col("target").cast(pl.Int8), fold=pl.lit(0))
    scores = pl.DataFrame({"isic_id": ids, "stack": [(n * 37 % 120) / 120 for n in range(120)]})
    both, _ = both_ways(["stack"], {"cross_validated": scores, "left_out": scores}, "isic_id")
    one = Scored(both.join(rows, on="isic_id"), ["stack"], "group_id")
    found = left_out_sheet(one, ["A"], QUICK)["scores"]["stack"]
    assert found["minus"]["auc"]["value"] == 0
    assert found["left_out"] == found["cross_validated"]
    assert found["left_out"]["auc"]["low"] < found["left_out"]["auc"]["high"]


@pytest.mark.parametrize(
    ("target", "reason"), [([0] * 6, "no positive"), ([1] * 6, "no negative"), (None, None)]
)
def test_rows_of_one_class_have_no_score_and_that_is_named(target, reason):
    whole, _ = scored()
    rows = whole.rows if target is None else whole.rows.with_columns(target=pl.Series(target))
    sheet = left_out_sheet(Scored(rows, ["stack"], "group_id"), ["A"], QUICK)
    assert sheet["reason"] == reason
    assert (sheet["scores"] is None) == (reason is not None)


def test_rows_that_one_way_alone_scores_are_counted_and_in_neither():
    own, other = OWN.filter(pl.col("isic_id") != "a"), OTHER.filter(~OTHER["isic_id"].is_in(["f"]))
    whole, alone = scored(own, other.filter(pl.col("isic_id") != "c"))
    assert alone == {"cross_validated": 2, "left_out": 1}
    assert whole.rows["isic_id"].to_list() == ["b", "d", "e"]


def test_without_patients_rows_are_drawn_again():
    assert left_out_sheet(scored(patient=None)[0], [], QUICK)["patients"] is None


def test_the_luck_of_a_training_is_said_where_there_was_one():
    assert len(notes_of(learns=True)) == 1 + len(notes_of(learns=False)) == 2
