"""What a suite's page says, on rows that one counts by hand."""

import numpy as np
import pytest

from metrics.score_sheet import ScoreConfig
from models.suite import measure
from models.suite.config import Lesson
from models.suite.measure import Truth

CLASSES = ("bcc", "mel", "nv")
SCORE = ScoreConfig(replicates=200, seeds=(0,))


def truth(names, patient=None):
    codes = np.array([CLASSES.index(name) for name in names])
    whose = [f"p{n}" for n in range(len(names))] if patient is None else patient
    return Truth(codes, CLASSES, whose, "mel", ("bcc", "mel"))


def called(names, sure=0.8):
    """Probabilities by which these are the classes called."""
    table = np.full((len(names), 3), (1 - sure) / 2)
    for row, name in enumerate(names):
        table[row, CLASSES.index(name)] = sure
    return table


TRUE = truth(["mel"] * 30 + ["bcc"] * 30 + ["nv"] * 60)
GOOD = called(["mel"] * 24 + ["bcc"] * 6 + ["bcc"] * 15 + ["nv"] * 15 + ["nv"] * 60)
BAD = called(["mel"] * 12 + ["nv"] * 18 + ["bcc"] * 15 + ["nv"] * 15 + ["nv"] * 60)


def test_metrics_are_fractions_of_the_rows():
    sheet = measure.worth(TRUE, {0: GOOD, 1: GOOD}, SCORE)
    metrics = {name: found["value"] for name, found in sheet["metrics"].items()}
    assert metrics["melanoma_recall"] == pytest.approx(24 / 30)
    assert metrics["cancer_sensitivity"] == pytest.approx(45 / 60)  # a cancer called another is one
    assert metrics["accuracy"] == pytest.approx((24 + 15 + 60) / 120)
    assert metrics["balanced_accuracy"] == pytest.approx((24 / 30 + 15 / 30 + 1) / 3)
    assert sheet["per_class"][1] == {"class": "mel", "rows": 30, "right": 24.0, "called": 24.0}
    assert sheet["per_class"][2] == {"class": "nv", "rows": 60, "right": 60.0, "called": 75.0}


def test_several_seeds_are_a_mean_and_widen_the_interval():
    both = measure.worth(TRUE, {0: GOOD, 1: BAD}, SCORE)["metrics"]["melanoma_recall"]
    assert both["by_seed"] == [pytest.approx(24 / 30), pytest.approx(12 / 30)]
    assert both["value"] == pytest.approx(18 / 30)
    alike = measure.worth(TRUE, {0: GOOD, 1: GOOD}, SCORE)["metrics"]["melanoma_recall"]
    assert both["high"] - both["low"] > alike["high"] - alike["low"]
    assert (both["low"], both["high"]) == (0.0, 1.0)  # of two seeds so far apart nothing is known
    single = measure.worth(TRUE, {0: GOOD}, SCORE)["metrics"]["melanoma_recall"]
    assert single["low"] is None  # of the luck of one training nothing is known


def test_a_lesson_holds_where_its_interval_is_on_its_side():
    minus = measure.held_against(
        TRUE, {0: GOOD, 1: GOOD}, {0: BAD, 1: BAD}, "melanoma_recall", SCORE
    )
    assert minus["value"] == pytest.approx(12 / 30)
    lesson = Lesson(says="x", than="01", metric="melanoma_recall")
    assert measure.verdict(lesson, minus) == "holds"
    lower = lesson.model_copy(update={"better": "lower"})
    assert measure.verdict(lower, minus) == "the contrary holds"
    # As many melanomas, six of them others, with one more or less by seed.
    alike = [called(["nv"] * 6 + ["mel"] * n + ["nv"] * (24 - n) + ["nv"] * 90) for n in (23, 24)]
    same = measure.held_against(
        TRUE, {0: GOOD, 1: GOOD}, dict(enumerate(alike)), "melanoma_recall", SCORE
    )
    assert measure.verdict(lesson, same) == "not shown"
    single = measure.held_against(TRUE, {0: GOOD}, {0: BAD}, "melanoma_recall", SCORE)
    assert measure.verdict(lesson, single) == "no interval"


def test_only_seeds_that_both_have_are_compared():
    minus = measure.held_against(
        TRUE, {0: GOOD, 1: GOOD, 7: BAD}, {0: BAD, 1: BAD, 2: GOOD}, "melanoma_recall", SCORE
    )
    assert minus["value"] == pytest.approx(12 / 30)


def test_the_threshold_is_the_validations_and_the_rates_are_the_tests():
    validation = truth(["mel", "mel", "bcc", "bcc", "nv", "nv"])
    test = truth(["mel", "bcc", "bcc", "nv", "nv", "nv"])
    ours = np.array([0.9, 0.7, 0.6, 0.2, 0.5, 0.1])
    theirs = np.array([0.61, 0.6, 0.3, 0.7, 0.59, 0.0])
    found = measure.flags(validation, test, (ours, theirs), 0.75)
    assert found["threshold"] == 0.6  # three of four cancers
    assert found["sensitivity"] == {"k": 2, "n": 3, "value": 2 / 3}
    assert found["melanoma_sensitivity"] == {"k": 1, "n": 1, "value": 1.0}
    assert found["specificity"] == {"k": 2, "n": 3, "value": 2 / 3}


def test_either_flags_where_any_member_does_at_one_specificity():
    validation = truth(["mel", "mel", "nv", "nv", "nv", "nv"])
    # The second member's numbers are a tenth of the first one's: only ranks compare them.
    first = np.array([0.8, 0.1, 0.1, 0.2, 0.3, 0.4]), np.array([0.35, 0.0, 0.25])
    second = np.array([0.01, 0.08, 0.01, 0.02, 0.03, 0.04]), np.array([0.0, 0.05, 0.015])
    ours, theirs = measure.either(validation, [first, second])
    assert ours.tolist() == [1.0, 1.0, 0.0, 0.25, 0.5, 0.75]
    assert theirs.tolist() == [0.75, 1.0, 0.5]
    for level in (0.25, 0.5, 0.75, 1.0):  # the slow way: each member flags by its own threshold
        limits = [np.sort(one[0][2:])[int(level * 4) - 1] for one in (first, second)]
        slow = (first[1] > limits[0]) | (second[1] > limits[1])
        assert np.array_equal(theirs >= level, slow)


def test_melanomas_are_counted_apart_by_whether_training_had_their_lesion():
    lesions = np.full(120, "clean", dtype="<U7")
    lesions[:10] = lesions[40] = "leaked"
    lesions[28:30] = "unknown"
    found = measure.melanomas_found(TRUE, {0: GOOD, 1: BAD}, lesions)
    assert found["leaked"] == {"k": 10.0, "n": 10, "by_seed": [10, 10]}
    assert found["clean"] == {"k": (14 + 2) / 2, "n": 18, "by_seed": [14, 2]}
    assert found["unknown"] == {"k": 0.0, "n": 2, "by_seed": [0, 0]}


def test_rows_are_drawn_by_patient():
    together = [f"p{n // 2}" for n in range(120)]
    apart = measure.worth(TRUE, {0: GOOD, 1: GOOD}, SCORE)["metrics"]["accuracy"]
    joined = measure.worth(truth(
        ["mel"] * 30 + ["bcc"] * 30 + ["nv"] * 60, together
    ), {0: GOOD, 1: GOOD}, SCORE)["metrics"]["accuracy"]  # fmt: skip
    assert joined["patients"] < apart["patients"]
    assert joined["high"] - joined["low"] > apart["high"] - apart["low"]
