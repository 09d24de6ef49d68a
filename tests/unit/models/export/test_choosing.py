"""Threshold, limit and what they are worth, on tables that can be checked by hand."""

import numpy as np
import pytest

from metrics.score_sheet import ScoreConfig
from models.export.choosing import SaidRows, calibrated, chosen, drawn_half, measured, platt
from models.export.config import ExportConfig
from workspace.errors import DataError

SCORE = ScoreConfig(replicates=100, seeds=(0,))


def rows(positives, negatives, **values):
    probability = np.array([*positives, *negatives], np.float64)
    positive = np.arange(len(probability)) < len(positives)
    distance = values.pop("distance", np.arange(len(probability)) / 10)
    return SaidRows(positive, probability, np.asarray(distance, np.float64), **values)


TWENTY = [0.1, *np.linspace(0.5, 0.9, 19)]  # one positive lies low: 19 of 20 are 95 %


def test_19_of_20_positives_are_found_from_halfway_to_the_next_row_on():
    choice = chosen(rows(TWENTY, [0.4, 0.6, 0.2, 0.3]), ExportConfig())
    assert choice["threshold"]["value"] == pytest.approx((0.5 + 0.4) / 2)
    assert choice["threshold"]["reached"] == 19 / 20
    assert choice["threshold"]["specificity"] == 3 / 4
    assert (choice["n"], choice["positives"]) == (24, 20)


def test_for_all_positives_the_lowest_counts_and_what_lies_below_it_may_be_nothing():
    choice = chosen(rows(TWENTY, [0.4, 0.6]), ExportConfig(sensitivity=1.0))
    assert choice["threshold"]["value"] == pytest.approx(0.05)
    assert choice["threshold"]["reached"] == 1
    assert choice["threshold"]["specificity"] == 0


def test_the_limit_leaves_the_asked_share_beyond_it():
    distance = np.arange(101.0)
    many = rows(np.full(50, 0.9), np.full(51, 0.1), distance=distance)
    limit = chosen(many, ExportConfig(false_alarms=0.1))["distance"]["limit"]
    assert limit == 90
    assert (distance > limit).sum() == 10


def test_other_rows_say_what_the_threshold_is_worth():
    choice = {"threshold": {"value": 0.5}, "distance": {"limit": 2.0}}
    said = measured(
        rows([0.9, 0.8, 0.5, 0.1], [0.6, 0.2, 0.1, 0.0, 0.3], distance=[3, 1, 1, 1, 2, 5, 0, 0, 0]),
        choice, SCORE,
    )  # fmt: skip
    metrics = said["metrics"]
    assert metrics["sensitivity"]["value"] == 3 / 4
    assert metrics["specificity"]["value"] == 4 / 5
    assert metrics["ppv"]["value"] == 3 / 4
    assert metrics["auc"]["value"] == pytest.approx((5 + 5 + 4 + 1.5) / 20)
    assert said["unlike"] == 2 / 9
    assert (said["n"], said["positives"], said["patients"]) == (9, 4, None)


def test_halves_share_no_group_and_are_the_seed_s():
    places, groups = np.arange(100, 130), np.arange(30) // 3
    first, second = drawn_half(places, groups, 0)
    assert sorted([*first, *second]) == list(places)
    assert not set(groups[first - 100]) & set(groups[second - 100])
    assert len(first) == 15
    assert np.array_equal(first, drawn_half(places, groups, 0)[0])
    assert not np.array_equal(first, drawn_half(places, groups, 1)[0])


def test_platt_finds_the_map_by_which_probabilities_were_distorted():
    """Of 100 rows a cell as many are positive as the true probability says: .2, .5 and .8."""
    true = np.repeat([0.2, 0.5, 0.8], 100)
    positive = np.concatenate([np.arange(100) < n for n in (20, 50, 80)])
    stated = 1 / (1 + np.exp(-(2 * np.log(true / (1 - true)) + 1)))
    by = platt(positive, stated)
    assert by == pytest.approx((0.5, -0.5))
    assert np.allclose(calibrated(stated, by), true)
    assert calibrated(stated, None) is stated


def test_a_map_that_cannot_be_fitted_is_refused():
    with pytest.raises(DataError) as refused:
        platt(np.arange(6) < 3, np.array([0.9, 0.8, 0.7, 0.3, 0.2, 0.1]))
    assert str(refused.value) == (
        "No calibration can be fitted: on the 6 rows that choose the slope of log odds is nan; "
        "take export.calibration='none'."
    )
