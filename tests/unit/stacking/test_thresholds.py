"""Check 164: a threshold for sensitivity s finds s, give or take 3 points, on averaged views."""

import numpy as np
import polars as pl
import pytest
from scipy.special import expit

from metrics.operating import threshold_for_sensitivity
from stacking.thresholds import FEWEST, on_average, threshold_sheet, view_spread

VIEWS = 5


def clinic(rng, rows, positives, noise):
    """True log odds and what each fold's model sees of them."""
    target = np.repeat([1, 0], [positives, rows - positives])
    true = np.where(target == 1, rng.normal(0.5, 1.3, rows), rng.normal(-3, 1.3, rows))
    return target, expit(true[:, None] + noise * rng.normal(size=(rows, VIEWS)))


def as_unseen(views):
    odds = np.log(views) - np.log1p(-views)
    return pl.DataFrame({"score": views.mean(axis=1), "log_odds_sd": odds.std(axis=1, ddof=1)})


def found(noise, wanted, simulations=40):
    """Mean sensitivity on averages by the single views' threshold, and by ours."""
    single, ours = [], []
    for seed in range(simulations):
        rng = np.random.default_rng(seed)
        target, views = clinic(rng, 4000, 200, noise)
        oof = pl.DataFrame({"target": target, "score": views[:, 0]})
        sheet = threshold_sheet(oof, as_unseen(clinic(rng, 1500, 60, noise)[1]), VIEWS, wanted)
        new, averages = clinic(rng, 4000, 200, noise)
        scores = averages.mean(axis=1)[new == 1]
        single.append((scores >= sheet["out_of_fold"]).mean())
        ours.append((scores >= sheet["on_average"]).mean())
    return np.mean(single), np.mean(ours)


@pytest.mark.parametrize("noise", [0.3, 0.8, 1.2])
@pytest.mark.parametrize("wanted", [0.8, 0.9, 0.95])
def test_check_164_wanted_and_found_are_within_three_points(noise, wanted):
    _, ours = found(noise, wanted)
    assert ours == pytest.approx(wanted, abs=0.03)


def test_the_threshold_of_single_views_would_find_more_than_wanted():
    """Or the test above could not tell."""
    single, _ = found(1.2, 0.9)
    assert single > 0.93


def test_without_noise_it_is_the_threshold_out_of_fold():
    rng = np.random.default_rng(1)
    positives = expit(rng.normal(size=400))
    plain = threshold_for_sensitivity(np.ones(400, int), positives, 0.9)
    assert on_average(positives, 0.0, VIEWS, 0.9) == pytest.approx(plain, rel=0.02)


def test_views_that_differ_more_than_positives_do_leave_their_mean():
    positives = expit(np.array([-0.1, 0.0, 0.1]))
    threshold = on_average(positives, 5.0, 50, 0.5)
    assert threshold == pytest.approx(0.5, abs=0.02)


def test_without_rows_outside_the_folds_nothing_is_said_of_averages():
    few = as_unseen(np.full((FEWEST - 1, VIEWS), 0.3))
    oof = pl.DataFrame({"target": [1, 1, 0], "score": [0.6, 0.4, 0.1]})
    sheet = threshold_sheet(oof, few, VIEWS, 0.5)
    assert (sheet["on_average"], sheet["view_sd"]) == (None, None)
    assert sheet["out_of_fold"] == 0.6


def test_rows_that_score_as_positives_do_say_how_far_views_differ():
    near, far = np.full(30, 0.7), np.full(500, 0.01)
    unseen = pl.DataFrame(
        {"score": np.r_[near, far], "log_odds_sd": np.r_[np.full(30, 0.5), np.full(500, 2.0)]}
    )
    assert view_spread(np.array([0.6, 0.8]), unseen) == (pytest.approx(0.5), 30)
    assert view_spread(np.array([0.99]), unseen)[1] == 530  # too few are alike: all of them


def test_of_one_view_the_average_is_itself_and_of_ranks_nothing_is_said():
    oof = pl.DataFrame({"target": [1, 1, 0], "score": [0.6, 0.4, 0.1]})
    none = as_unseen(np.full((0, VIEWS), 0.3))
    assert threshold_sheet(oof, none, 1, 0.5)["on_average"] == 0.6
    many = as_unseen(clinic(np.random.default_rng(0), 500, 50, 1.0)[1])
    assert threshold_sheet(oof, many, VIEWS, 0.5)["on_average"] is not None
    assert threshold_sheet(oof, many, VIEWS, 0.5, alike=False)["on_average"] is None
