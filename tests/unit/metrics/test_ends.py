"""What an interval says where the resamples cannot: all of them agree, or too few stand behind."""

import numpy as np
import pytest

from metrics.bootstrap import difference, interval_of
from metrics.classification import classification_tally
from metrics.cohort import cohort
from metrics.ends import ends_of_share
from metrics.one_vs_rest import one_vs_rest_tally
from metrics.operating import operating_tally
from metrics.rates import Rate
from metrics.retrieval import retrieval_tally
from metrics.support import NO_INTERVAL, NONE_OF_ONE_ANSWER

TARGET = np.repeat([1, 0], [24, 60])
PATIENTS = [f"IP_{number:02d}" for number in range(84)]
WHOSE = cohort(PATIENTS, TARGET)
CLASSES = ("NV", "MEL")
NAMES = np.array(CLASSES)[TARGET]
WITH, WITHOUT, ALL = (Rate(n, n).interval() for n in (24, 60, 84))


def found(tally):
    return interval_of(tally, WHOSE)


def test_a_recall_of_24_patients_who_are_all_right_may_be_less_than_1():
    values = found(classification_tally(NAMES, NAMES, CLASSES, WHOSE))
    for name, expected in {
        "recall[MEL]": WITH, "precision[MEL]": WITH, "f1[MEL]": WITH, "recall[NV]": WITHOUT,
        "balanced_accuracy": WITH, "macro_f1": WITH, "accuracy": ALL,
    }.items():  # fmt: skip
        assert values[name].value == 1
        assert (values[name].low, values[name].high) == pytest.approx(expected), name
    assert pytest.approx((24 / (24 + 1.959964**2), 1)) == WITH


def test_a_confusion_that_never_came_may_come():
    tally = classification_tally(NAMES, NAMES, CLASSES, WHOSE, confusions=[("MEL", "NV")])
    never = found(tally)["confusion[MEL->NV]"]
    assert (never.value, never.low) == (0, 0)
    assert never.high == pytest.approx(1 - WITH[0])


def test_perfect_operating_values_rest_on_the_patients_that_each_looks_at():
    values = found(operating_tally(TARGET, TARGET * 0.9, 0.5, WHOSE, prevalence=0.01))
    for name, expected in {
        "sensitivity": WITH, "specificity": WITHOUT, "ppv": WITH, "npv": WITHOUT, "f1": WITH,
    }.items():  # fmt: skip
        assert (values[name].low, values[name].high) == pytest.approx(expected), name
    for name in ("biopsies_per_cancer", "ppv_at_prevalence"):  # no share of these rows
        assert str(values[name]) == "1.0000 [no interval]"


def test_a_predictive_value_rests_on_those_who_are_flagged():
    values = found(operating_tally(TARGET, np.arange(84) == 0, 0.5, WHOSE))
    assert (values["ppv"].value, values["ppv"].patients) == (1, 1)
    assert values["ppv"].low is None
    assert values["npv"].patients == 24  # no surer than those who have a positive


def test_what_the_mix_makes_rests_on_the_patients_of_the_rarer_kind():
    target = np.r_[np.ones(3, int), np.zeros(81, int)]
    whose, called = cohort(PATIENTS, target), np.arange(84) % 2
    names, calls = (np.array(CLASSES)[each] for each in (target, called))
    classified = interval_of(classification_tally(names, calls, CLASSES, whose), whose)
    operating = interval_of(operating_tally(target, called, 0.5, whose), whose)
    of_the_mix = ["precision[NV]", "f1[NV]", "accuracy", "weighted_precision", "weighted_f1"]
    for value in (*map(classified.get, of_the_mix), *map(operating.get, ("ppv", "npv", "f1"))):
        assert (value.patients, value.low, value.reason) == (3, None, NO_INTERVAL)
    assert classified["recall[NV]"].patients == operating["specificity"].patients == 81
    assert operating["flagged_per_1000"].patients == 42


def test_few_who_are_flagged_are_few_behind_their_share():
    values = found(operating_tally(TARGET, np.arange(84) < 5, 0.5, WHOSE))
    assert (values["flagged_per_1000"].patients, values["flagged_per_1000"].low) == (5, None)


def test_perfect_ranks_within_patients_and_over_classes_are_no_certainty_either():
    top = found(retrieval_tally(TARGET, TARGET, WHOSE))["top_15_retrieval_sensitivity"]
    over = found(one_vs_rest_tally(NAMES, np.c_[1 - TARGET, TARGET], CLASSES, WHOSE))["macro_auc"]
    for each in (top, over):
        assert (each.low, each.high) == pytest.approx(WITH)


def test_two_perfect_recalls_have_no_interval_of_their_difference():
    tally = classification_tally(NAMES, NAMES, CLASSES, WHOSE)
    apart = found(difference(tally, tally))["recall[MEL]"]
    assert str(apart) == "0.0000 [no interval]"
    assert apart.reason == NONE_OF_ONE_ANSWER


def test_a_perfect_share_of_three_patients_has_no_interval():
    target = np.r_[np.ones(3, int), np.zeros(81, int)]
    whose = cohort(PATIENTS, target)
    perfect = interval_of(operating_tally(target, target, 0.5, whose), whose)
    assert (perfect["sensitivity"].value, perfect["sensitivity"].low) == (1, None)


def test_a_share_of_none_is_held_to_the_level_asked_for():
    assert ends_of_share(0.0, 24, 0.9) == pytest.approx(Rate(0, 24).interval(0.9))
