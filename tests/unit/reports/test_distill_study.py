"""What a study of students tells: own values beside the best, and that the best was chosen."""

from reports.distill_study import tables

SHEET = {
    "student": "small", "tuned": "small_tuned", "trials": 12, "failed": 2, "grid": 24,
    "own": {"lr": 1e-3, "loss": "cross entropy"}, "own_auc": 0.75, "best_trial": 7,
    "best_values": {"lr": 0.00316227766, "loss": "gamma 2.0"}, "best_auc": 0.8125,
    "importances": {"lr": 0.625, "loss": 0.375},
    "auc_is": "validation AUC of the best trial, which was chosen by it: optimistic",
}  # fmt: skip


def test_own_values_stand_beside_the_best_and_what_moved_the_score():
    said, table = tables(SHEET)
    assert said == (
        "distill: a study of small: 12 trials of a grid of 24, of which 2 failed; the validation "
        "AUC of the best trial, which was chosen by it: optimistic."
    )
    assert [column.title for column in table.columns] == [
        "value", "own", "trial 7", "moved the score",
    ]  # fmt: skip
    assert [[cell.brief for cell in row] for row in table.rows] == [
        ["lr", "0.001", "0.003162", "62%"],
        ["loss", "cross entropy", "gamma 2.0", "38%"],
        ["validation AUC", "0.7500", "0.8125", "–"],
    ]


def test_where_nothing_was_better_it_says_so():
    *_, last = tables({**SHEET, "best_trial": 0, "grid": None, "importances": {}})
    assert last == (
        "distill: no trial was better than small's own values; small_tuned differs from it by "
        "luck alone."
    )
