"""What tuning tells: on the console in eighty columns, and on the page with its drawings."""

import polars as pl
import pytest

from reports.table import Table
from reports.tuning import (
    BOX,
    OF_BEFORE,
    history_plot,
    nested_table,
    section,
    slice_plot,
    study_table,
    tables,
    verdict,
)

ONE = {"value": 0.1, "low": 0.05, "high": 0.15, "reason": None}
STUDY = {
    "trials": 3, "failed": 1, "own_inner_pauc": 0.11, "best_inner_pauc": 0.12,
    "best_values": {"lightgbm.rounds": 50, "use.pz": False},
    "importances": {"lightgbm.rounds": 0.8, "use.pz": 0.2},
}  # fmt: skip
BESIDE = {name: {"pauc": ONE, "auc": ONE} for name in ("tuned", "own", "tuned_minus_own")}
PLAIN = {name: {"pauc": 0.15, "auc": 0.9} for name in ("tuned", "own")}
SHEET = {
    "booster": "lightgbm", "min_tpr": 0.8, "own": {"lightgbm.rounds": 200, "use.pz": True},
    "studies": {"all_folds": STUDY, "fold_0": STUDY | {"best_inner_pauc": None, "importances": {}}},
    "nested": {
        "n": 9, "positives": 3, "patients": 4, **BESIDE, "mean_of_folds": BESIDE | PLAIN,
    },
    "flattered": True, "inner_is": "mean pAUC over inner folds",
}  # fmt: skip
TRIALS = pl.DataFrame(
    {
        "study": ["all_folds"] * 3, "number": [0, 1, 2], "state": ["complete", "fail", "complete"],
        "pauc": [0.11, None, 0.12], "lightgbm.rounds": [200, 80, 50], "use.pz": [True, True, False],
    }
)  # fmt: skip


def words(table):
    return [[cell.brief for cell in row] for row in table.rows]


def test_a_study_says_how_many_failed_and_what_moved_it_most():
    assert words(study_table(SHEET)) == [
        ["all_folds", "3, 1 failed", "0.1100", "0.1200", "lightgbm.rounds 80%"],
        ["fold_0", "3, 1 failed", "0.1100", "", "too few to say"],
    ]


def test_the_console_says_that_inner_scores_are_chosen_and_what_flatters():
    said = [one for one in tables(SHEET) if isinstance(one, str)]
    assert said[0] == "tune: inner pAUC is the mean pAUC over inner folds."
    assert said[1] == "tune: lightgbm, nested, 9 rows, 3 positives, 4 patients:"
    assert said[2] == "tune: tuned values are better than the recipe's own by more than chance."
    assert said[3].startswith("tune: the mean of folds is what a trial is chosen by. Pooled rows")
    assert said[4].startswith("notice: Networks that feed a fold's boosters learnt from")


@pytest.mark.parametrize(
    ("low", "high", "says"),
    [
        (0.001, 0.2, "tuned values are better than the recipe's own by more than chance."),
        (-0.001, 0.2, "tuned values are not better than the recipe's own by more than chance; "
         "stay with those."),
        (-0.2, -0.001, "tuned values are worse than the recipe's own by more than chance; stay "
         "with those."),
        (None, None, "too few patients to say whether tuned values are better than the recipe's "
         "own."),
    ],
)  # fmt: skip
def test_whether_to_use_tuned_values_is_said_by_rows_without_a_say(low, high, says):
    minus = {"pauc": {"value": 0.0, "low": low, "high": high, "reason": None}}
    assert verdict({"mean_of_folds": {"tuned_minus_own": minus}}) == says


def test_values_have_a_mean_of_folds_beside_the_pooled_one_and_their_difference_an_interval():
    table = nested_table(SHEET)
    assert [column.title for column in table.columns][1:] == [
        "pAUC above 80% TPR, mean of folds", "pooled", "AUC, mean of folds", "pooled",
    ]  # fmt: skip
    tuned, _, apart = words(table)
    assert tuned[1] == "0.1500"
    assert apart[1] == apart[2] == tuned[2]


def test_a_run_of_before_the_mean_was_kept_has_a_page_all_the_same():
    before = {name: one for name, one in SHEET["nested"].items() if name != "mean_of_folds"}
    made = section(SHEET | {"nested": before}, TRIALS)
    assert any(getattr(one, "words", "") == OF_BEFORE for one in made.elements)


def test_a_study_for_all_has_no_nested_score():
    told = [one for one in tables(SHEET | {"nested": None}) if isinstance(one, str)]
    assert told[-1] == "tune: not nested, so that no score is of rows that had no say."


def test_the_page_has_the_values_for_use_beside_the_recipes_own():
    made = section(SHEET, TRIALS)
    values = words([one for one in made.elements if isinstance(one, Table)][-1])
    assert values == [
        ["lightgbm.rounds", "200", "50", "80%"], ["use.pz", "used", "left out", "20%"],
    ]  # fmt: skip
    plots = made.elements[-1].plots
    assert [plot.title for plot in plots] == ["Trials", "lightgbm.rounds"]  # a switch is not drawn


def test_trials_lie_in_their_drawing_whatever_pauc_can_be():
    tried = TRIALS.drop_nulls()
    for plot in (history_plot(tried, 0.5), slice_plot(tried, "lightgbm.rounds", 0.5)):
        left, top, right, bottom = BOX
        dots = [shape.points[0] for shape in plot.shapes if shape.kind == "dot"]
        assert len(dots) == 2
        assert all(left <= x <= right and top <= y <= bottom for x, y in dots)
        assert plot.y.ticks[-1][1] == "0.5"


def test_values_far_apart_are_drawn_by_factors():
    far = TRIALS.with_columns(pl.Series("lightgbm.rounds", [1, 10, 100]))
    plot = slice_plot(far.with_columns(pauc=pl.lit(0.1)), "lightgbm.rounds", 0.2)
    x = [shape.points[0][0] for shape in plot.shapes]
    assert x[1] - x[0] == x[2] - x[1]
    assert [words for _, words in plot.x.ticks] == ["1", "10", "100"]
