"""A column as a score: turned above one half, what is unknown left out, two forms paired."""

import numpy as np
import pytest

from metrics.bootstrap import BootstrapConfig
from metrics.cohort import cohort
from metrics.ranking import auc, ranking_tally
from metrics.separability import CONSTANT, ONE_CLASS, auc_tally, separability

QUICK = BootstrapConfig(replicates=200, seeds=(0,))
NAN = float("nan")


def of(target, values, other=None, patients=None):
    whose = cohort(patients or [f"p{i:03d}" for i in range(len(target))], target)
    second = None if other is None else np.array(other, float)
    return separability(target, np.array(values, float), whose, QUICK, second)


def test_a_column_is_turned_so_that_it_lies_above_one_half():
    found = of([1, 1, 0, 0], [1, 3, 2, 4])  # of four pairs one is in order: 1/4, turned 3/4
    assert (found["larger"], found["auc"]["value"], found["n"]) == (False, 0.75, 4)
    assert of([1, 1, 0, 0], [4, 2, 3, 1])["larger"] is True


def test_unknown_values_are_left_out_and_counted():
    found = of([1, 1, 0, 0, 0], [2, NAN, 1, NAN, 3])
    assert (found["n"], found["positives"], found["auc"]["value"]) == (3, 1, 0.5)
    assert (found["other"], found["gain"], found["reason"]) == (None, None, None)


def test_two_forms_are_compared_on_rows_that_have_both_and_turned_alike():
    found = of([1, 1, 0, 0, 1], [1, 3, 2, 4, 9], other=[1, 2, 3, 4, NAN])
    assert (found["n"], found["larger"], found["auc"]["value"]) == (4, False, 0.75)
    assert (found["other"]["value"], found["gain"]["value"]) == (1.0, 0.25)


def test_the_second_form_gets_no_turn_of_its_own():
    found = of([1, 1, 0, 0], [1, 3, 2, 4], other=[4, 3, 2, 1])  # the other way round
    assert (found["other"]["value"], found["gain"]["value"]) == (0.0, -0.75)


def test_why_a_column_has_no_value_is_said():
    assert of([1, 1, 0, 0], [1, 2, NAN, NAN])["reason"] == ONE_CLASS
    assert of([1, 0, 0], [NAN, NAN, NAN])["reason"] == ONE_CLASS
    constant = of([1, 1, 0, 0], [7, 7, 7, NAN])
    assert (constant["reason"], constant["auc"]) == (CONSTANT, None)


def test_its_interval_is_that_of_the_ranking_tally():
    """The quick tally against the one that all scores use, on patients with several rows."""
    rng = np.random.default_rng(1)
    target = (rng.random(600) < 0.2).astype(int)
    values = rng.normal(size=600) + target
    whose = cohort([f"p{i // 4:03d}" for i in range(600)], target)
    quick, whole = auc_tally(target, values, whose), ranking_tally(target, values, whose)
    draws = rng.integers(0, 3, (5, whose.size)).astype(float)
    for ours, theirs in zip(quick.between(draws), whole.between(draws), strict=True):
        assert ours["auc"] == pytest.approx(theirs["auc"])
    found = separability(target, values, whose, QUICK)
    assert found["auc"]["value"] == pytest.approx(auc(target, values))
    assert found["auc"]["low"] < found["auc"]["value"] < found["auc"]["high"]
