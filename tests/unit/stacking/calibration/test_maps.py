"""Calibration beside scikit-learn's own solver, by hand, and what must not change: the order."""

import numpy as np
import pytest
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression

from metrics.pauc import pauc_above_tpr
from stacking.calibration.config import METHODS
from stacking.calibration.maps import Calibration, fit, log_odds, shifted
from workspace.errors import DataError

INCREASING = [method for method in METHODS if method != "isotonic"]


def drawn(rows=4000, seed=0, slope=2.0, shift=1.0):
    """Scores whose log odds are `slope` times too far out and moved by `shift`."""
    rng = np.random.default_rng(seed)
    true = rng.normal(-2, 1.5, rows)
    target = (rng.random(rows) < expit(true)).astype(int)
    return expit(slope * true + shift), target


def test_platt_is_logistic_regression_on_platts_labels():
    score, target = drawn(600)
    n = target.sum()
    # The smoothed labels as weights: each row once as a positive and once as a negative.
    share = np.where(target == 1, (n + 1) / (n + 2), 1 / (len(target) - n + 2))
    rows = np.r_[logit(score), logit(score)][:, None]
    labels, weights = np.r_[np.ones(600), np.zeros(600)], np.r_[share, 1 - share]
    slow = LogisticRegression(C=np.inf, tol=1e-10, max_iter=10_000).fit(rows, labels, weights)
    fast = fit("platt", score, target)
    assert fast.numbers == pytest.approx((slow.coef_[0, 0], slow.intercept_[0]), abs=1e-4)


def test_beta_is_logistic_regression_on_both_logarithms():
    score, target = drawn(2000)
    rows = np.stack([np.log(score), -np.log1p(-score)], axis=1)
    slow = LogisticRegression(C=np.inf, tol=1e-10, max_iter=10_000).fit(rows, target)
    fast = fit("beta", score, target)
    assert fast.numbers == pytest.approx((*slow.coef_[0], slow.intercept_[0]), abs=2e-3)


def test_temperature_is_one_slope():
    score, target = drawn(2000, shift=0.0)
    slow = LogisticRegression(C=np.inf, tol=1e-10, fit_intercept=False).fit(
        logit(score)[:, None], target
    )
    assert fit("temperature", score, target).numbers == pytest.approx(slow.coef_[0], abs=1e-4)


@pytest.mark.parametrize("method", ["platt", "beta"])
def test_what_was_twice_too_sure_comes_back(method):
    score, target = drawn(200_000)
    fitted = fit(method, score, target)
    assert fitted.log_odds(np.array([expit(2 * -1 + 1), expit(2 * 1 + 1)])) == pytest.approx(
        [-1, 1], abs=0.05
    )


def test_isotonic_by_hand():
    """The rows at .2 and .3 break the order: both become their mean, a half."""
    fitted = fit("isotonic", np.array([0.1, 0.2, 0.3, 0.9]), np.array([0, 1, 0, 1]))
    found = fitted.probabilities(np.array([0.0, 0.1, 0.2, 0.25, 0.3, 0.9, 1.0]))
    assert found == pytest.approx([0, 0, 0.5, 0.5, 0.5, 1, 1])


@pytest.mark.parametrize("method", INCREASING)
@pytest.mark.parametrize("seed", range(5))
def test_no_rank_changes_and_so_no_pauc(method, seed):
    score, target = drawn(500, seed)
    fitted = fit(method, score, target)
    moved = fitted.log_odds(score)
    assert (np.argsort(moved, kind="stable") == np.argsort(score, kind="stable")).all()
    assert pauc_above_tpr(target, moved) == pytest.approx(pauc_above_tpr(target, score), abs=1e-12)


@pytest.mark.parametrize("method", INCREASING)
def test_also_backwards_scores_keep_their_order(method):
    """A slope below nought would turn the ranking round: it is held above."""
    score, target = drawn(500)
    moved = fit(method, 1 - score, target).log_odds(1 - score)
    assert (np.argsort(moved, kind="stable") == np.argsort(1 - score, kind="stable")).all()


def test_the_ends_stay_finite_and_apart():
    score = np.array([0.0, 5e-324, 1e-300, 0.5, 1 - 2**-53, 1.0])
    odds = log_odds(score)
    assert np.isfinite(odds).all()
    assert (np.diff(odds) > 0).all()


def test_two_far_scores_stay_apart_as_log_odds():
    """Check 165: logits 16.0 and 16.6."""
    score, target = drawn()
    low, high = fit("platt", score, target).log_odds(expit(np.array([16.0, 16.6])))
    assert high > low


def test_another_prior_moves_the_odds_by_a_factor():
    """A share of .2 for one of .01: odds of 1 to 4 become those of 1 to 99, a factor of 4/99."""
    assert shifted(np.array([0.2]), 0.2, 0.01) == pytest.approx([0.01])
    odds = 0.5 / 0.5 * 4 / 99
    assert shifted(np.array([0.5]), 0.2, 0.01) == pytest.approx([odds / (1 + odds)])
    assert shifted(np.array([0.3]), 0.1, 0.1) == pytest.approx([0.3])


@pytest.mark.parametrize("method", METHODS)
def test_one_class_alone_is_refused(method):
    with pytest.raises(DataError, match=r"^A calibration is fitted on rows of both classes; "):
        fit(method, np.array([0.1, 0.2]), np.array([0, 0]))


@pytest.mark.parametrize("method", METHODS)
def test_it_comes_back_from_its_numbers_to_the_bit(method):
    score, target = drawn(300)
    fitted = fit(method, score, target)
    again = Calibration(method, tuple(fitted.numbers), tuple(fitted.values))
    assert again.probabilities(score).tobytes() == fitted.probabilities(score).tobytes()
