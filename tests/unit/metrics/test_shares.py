"""Shares of positives by level, and what levels are worth where they were not learnt."""

import numpy as np
import polars as pl
import pytest

from metrics.bootstrap import BootstrapConfig
from metrics.cohort import cohort
from metrics.shares import _shares_learnt, auc_of_words, halves, shares_by_level

QUICK = BootstrapConfig(replicates=200, seeds=(0,))


def test_each_level_has_its_share_the_largest_first_and_missing_last():
    target = [1, 0, 0, 0, 1, 0, 1]
    levels = ["a", "b", "b", "b", "a", None, None]
    patients = ["p", "p", "q", "r", "s", "s", "t"]
    found = shares_by_level(target, levels, cohort(patients, target), QUICK)
    shown = [(e["level"], e["n"], e["positives"], e["patients"], e["patients_with_positive"])
             for e in found]  # fmt: skip
    assert shown == [("b", 3, 0, 3, 0), ("a", 2, 2, 2, 2), ("missing", 2, 1, 2, 1)]
    assert [e["share"]["value"] for e in found] == [0.0, 1.0, 0.5]
    assert all(e["share"]["low"] is None for e in found)  # fewer than twenty patients


def test_a_level_that_is_called_missing_is_not_what_is_missing():
    target = [1, 0, 1]
    found = shares_by_level(target, ["missing", "missing", None], cohort(None, target), QUICK)
    assert [(e["level"], e["n"]) for e in found] == [("'missing'", 2), ("missing", 1)]


def test_a_share_of_many_patients_has_an_interval_of_patients_not_of_rows():
    # 40 patients of 25 rows, all of a patient's alike: 40 cases, not 1,000.
    target = np.repeat([1, 0] * 20, 25)
    patients = [f"p{i // 25:02d}" for i in range(1000)]
    [one] = shares_by_level(target, ["x"] * 1000, cohort(patients, target), QUICK)
    share = one["share"]
    assert (share["value"], share["unit"], share["stratified"]) == (0.5, "patient", False)
    spread = (0.25 / 40) ** 0.5  # of a binomial of 40: .079; of 1,000 it would be .016
    assert share["high"] - share["low"] == pytest.approx(2 * 1.96 * spread, rel=0.2)


def test_halves_hold_whole_patients_and_as_many_with_a_positive():
    target = [1, 1, 1, 1, 0, 0, 0, 0, 0]
    whose = cohort(list("abcdefghh"), target)
    dealt = halves(whose, seed=3)
    assert sorted(dealt[whose.strata == 1]) == [0, 0, 1, 1]
    assert sorted(dealt[whose.strata == 0]) == [0, 0, 1, 1]
    assert dealt.tolist() == halves(whose, seed=3).tolist()
    assert any(dealt.tolist() != halves(whose, seed=s).tolist() for s in range(5))


def worth(target, words, patients=None):
    whose = cohort(patients or [f"p{i:03d}" for i in range(len(target))], target)
    return auc_of_words(target, words, whose, QUICK)


def test_words_that_tell_all_are_worth_one_and_words_that_tell_nothing_a_half():
    target = np.arange(400) % 2
    told = worth(target, ["yes" if t else "no" for t in target])
    assert (told["n"], told["positives"], told["auc"]["value"]) == (200, 100, 1.0)
    nothing = np.random.default_rng(0).choice(list("abcdef"), 400).tolist()
    tried = worth(target, nothing)["auc"]
    assert tried["low"] < 0.5 < tried["high"]


def test_a_word_of_its_own_for_each_row_is_worth_nothing():
    """Learnt on the same rows it would be perfect; elsewhere all are as unknown."""
    assert worth(np.arange(100) % 2, [f"w{i}" for i in range(100)])["auc"]["value"] == 0.5


def test_shares_are_learnt_of_the_others_and_drawn_to_the_whole_by_one_row():
    words = pl.Series(["a", "a", "b", "a", "b", "c"])
    learnt = np.array([True] * 3 + [False] * 3)
    found = _shares_learnt(words, np.array([1, 0, 0, 1, 1, 1], bool), learnt)
    # A third of the learnt are positive: a (1 + 1/3) / 3, b (0 + 1/3) / 2, c unknown.
    assert found.tolist() == pytest.approx([4 / 9, 1 / 6, 1 / 3])


def test_where_a_half_lacks_a_class_there_is_no_value():
    assert worth([1, 0, 0, 0], list("aabb")) is None
