import numpy as np
import pytest

from metrics.bootstrap import interval_of
from metrics.cohort import cohort
from metrics.delong import delong_auc, delong_difference
from metrics.ranking import auc, ranking_tally
from workspace.errors import DataError


def slow(target, score):
    """The placements by looking at every pair."""
    positives = [s for t, s in zip(target, score, strict=True) if t]
    negatives = [s for t, s in zip(target, score, strict=True) if not t]
    wins = np.array([[(p > n) + (p == n) / 2 for n in negatives] for p in positives])
    by_positive, by_negative = wins.mean(axis=1), wins.mean(axis=0)
    variance = by_positive.var(ddof=1) / len(positives) + by_negative.var(ddof=1) / len(negatives)
    return wins.mean(), variance, by_positive, by_negative


@pytest.fixture
def rows():
    rng = np.random.default_rng(0)
    target = rng.random(120) < 0.3
    return target, np.round(rng.normal(size=120) + target, 1), np.round(rng.normal(size=120), 1)


def test_equal_to_every_pair_looked_at(rows):
    target, score, other = rows
    value, variance, positives, negatives = slow(target, score)
    found = delong_auc(target, score)
    assert found.value == pytest.approx(value) == pytest.approx(auc(target, score))
    assert found.standard_error**2 == pytest.approx(variance)
    _, _, other_positives, other_negatives = slow(target, other)
    gained = other_positives - positives, other_negatives - negatives
    expected = sum(gain.var(ddof=1) / len(gain) for gain in gained)
    gain = delong_difference(target, score, other)
    assert gain.value == pytest.approx(auc(target, other) - auc(target, score))
    assert gain.standard_error**2 == pytest.approx(expected)


def test_close_to_the_bootstrap_of_independent_rows(rows):
    target, score, _ = rows
    whose = cohort(None, target)
    drawn = interval_of(ranking_tally(target, score, whose), whose)["auc"]
    found = delong_auc(target, score)
    assert (found.low, found.high) == pytest.approx((drawn.low, drawn.high), abs=0.04)
    assert found.caveat == "DeLong takes rows as independent; lesions of one patient are not."


def test_the_interval_ends_at_one():
    assert delong_auc([0, 0, 0, 1, 1, 1], [1, 2, 4, 3, 5, 6]).high == 1.0


def test_one_row_of_a_class_is_too_few():
    with pytest.raises(DataError) as error:
        delong_auc([0, 0, 1], [1, 2, 3])
    assert str(error.value) == (
        "DeLong needs two rows of each class; found 1 positives and 2 negatives."
    )
