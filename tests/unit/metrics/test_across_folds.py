import numpy as np
import pytest

from metrics.across_folds import fold_table, mean_over_folds
from metrics.bootstrap import BootstrapConfig, difference, interval_of
from metrics.cohort import cohort
from metrics.pauc import pauc_above_tpr
from workspace.errors import DataError

QUICK = BootstrapConfig(replicates=100, seeds=(0,))


def test_check_97_each_fold_their_mean_and_spread_and_the_pooled_value_are_all_named():
    rng = np.random.default_rng(0)
    patient = np.repeat(np.arange(60), 5)
    fold = patient % 3
    target = (rng.random(300) < 0.2).astype(int)
    score = rng.normal(size=300) + target + 2 * fold  # folds on three scales, as of three models
    found = fold_table(target, score, fold, cohort(np.char.mod("%d", patient), target), QUICK)
    each = [pauc_above_tpr(target[fold == k], score[fold == k]) for k in range(3)]
    assert [entry["metrics"]["pauc"]["value"] for entry in found["folds"]] == pytest.approx(each)
    assert [(e["fold"], e["n"], e["patients"]) for e in found["folds"]] == [
        (0, 100, 20), (1, 100, 20), (2, 100, 20),
    ]  # fmt: skip
    assert found["mean"]["pauc"] == pytest.approx(np.mean(each))
    assert found["sd"]["pauc"] == pytest.approx(np.std(each, ddof=1))
    assert found["pooled"]["pauc"]["value"] == pytest.approx(pauc_above_tpr(target, score))
    assert found["pooled"]["pauc"]["value"] < min(each)  # the scales differ, so pooling costs
    assert found["pooled_is"] == "pooled over folds whose scores come from different models"


def drawn(folds=3, patients=120):
    rng = np.random.default_rng(1)
    patient = np.repeat(np.arange(patients), 5)
    target = (rng.random(5 * patients) < 0.2).astype(int)
    score = rng.normal(size=5 * patients) + target
    return patient % folds, target, score, cohort(np.char.mod("%d", patient), target)


def test_the_mean_over_folds_is_that_of_the_table_with_an_interval_of_its_own():
    fold, target, score, whose = drawn()
    table = fold_table(target, score, fold, whose, QUICK)
    tally = mean_over_folds(target, score, fold, whose)
    assert tally.point() == pytest.approx({n: table["mean"][n] for n in tally.point()})
    by_metric = interval_of(tally, whose, QUICK)
    assert set(by_metric) == {"pauc", "standardised_pauc", "auc"}
    assert all(one.low < one.value < one.high for one in by_metric.values())


def test_a_resample_of_the_mean_is_the_mean_of_each_folds_own():
    """The slow way: rows of a draw written out as often as their patient is in it."""
    fold, target, score, whose = drawn()
    counts = np.random.default_rng(2).integers(0, 3, whose.size)
    rows = np.repeat(np.arange(len(target)), counts[whose.codes])
    slow = np.mean(
        [pauc_above_tpr(target[r], score[r]) for k in range(3) for r in [rows[fold[rows] == k]]]
    )
    tally = mean_over_folds(target, score, fold, whose)
    assert tally.of(counts[None, :].astype(float))["pauc"][0] == pytest.approx(slow)


def test_the_scales_of_folds_have_no_say_in_the_mean():
    fold, target, score, whose = drawn()
    other = np.exp(score) * 10.0**fold + 5 * fold
    same, moved = (mean_over_folds(target, s, fold, whose) for s in (score, other))
    assert same.point() == pytest.approx(moved.point())
    apart = interval_of(difference(same, moved), whose, QUICK)["pauc"]
    assert apart.value == pytest.approx(0, abs=1e-12)


def test_the_mean_is_of_folds_that_have_both_classes():
    target, fold = [1, 0, 0, 0, 1, 0], [0, 0, 1, 1, 2, 2]
    tally = mean_over_folds(target, [2, 1, 3, 4, 1, 2], fold, cohort(None, target))
    assert tally.point()["auc"] == (1 + 0) / 2
    with pytest.raises(DataError, match=r"^No fold has both classes"):
        mean_over_folds(
            [1, 1, 0, 0], [1, 2, 3, 4], [0, 0, 1, 1], cohort(list("abcd"), [1, 1, 0, 0])
        )


def test_a_fold_of_one_class_has_no_score_and_the_mean_is_of_the_others():
    target = [1, 0, 0, 0, 1, 0]
    found = fold_table(target, [2, 1, 3, 4, 1, 2], [0, 0, 1, 1, 2, 2], cohort(None, target), QUICK)
    assert [one["metrics"] is None for one in found["folds"]] == [False, True, False]
    assert (found["folds"][1]["n"], found["folds"][1]["positives"]) == (2, 0)
    assert found["mean_of"] == 2
    assert found["mean"]["auc"] == (1 + 0) / 2


def test_where_no_fold_has_both_classes_nothing_is_measured():
    with pytest.raises(DataError, match=r"^No fold has both classes; a score by fold needs one"):
        fold_table([1, 1, 0, 0], [1, 2, 3, 4], [0, 0, 1, 1], cohort(list("abcd"), [1, 1, 0, 0]))


def test_a_row_without_a_fold_is_refused():
    with pytest.raises(DataError) as error:
        fold_table([1, 0], [1, 2], [0, np.nan], cohort(None, [1, 0]))
    assert str(error.value) == (
        "The folds must be whole numbers or names, one for each row, none missing."
    )


def test_resamples_of_a_fold_keep_its_positives():
    """With one positive patient in six, a draw without strata would often have none."""
    patient = np.arange(36) // 3
    target = np.isin(np.arange(36), (0, 3)).astype(int)
    found = fold_table(
        target, np.arange(36), patient % 2, cohort(np.char.mod("%02d", patient), target), QUICK
    )
    assert [entry["metrics"]["auc"]["undefined"] for entry in found["folds"]] == [0, 0]


def test_a_patient_in_two_folds_is_refused():
    with pytest.raises(DataError) as error:
        fold_table([1, 0, 1, 0], [1, 2, 3, 4], [0, 0, 1, 1], cohort(list("abbc"), [1, 0, 1, 0]))
    assert str(error.value) == (
        "1 patients have rows in more than one fold (patients number [1] in sorted order); a "
        "patient belongs to one fold."
    )
