"""Cross-fitted calibration: a fold's map never saw its rows; beside the score as it is."""

import numpy as np
import polars as pl
import pytest

from metrics.calibration import brier
from metrics.cohort import cohort
from metrics.score_sheet import ScoreConfig
from stacking.calibration.config import METHODS, CalibrationConfig
from stacking.calibration.kept import PROBABILITY, Calibrated
from stacking.calibration.maps import fit, shifted
from stacking.calibration.measure import calibration_sheet, cross_fitted
from tests.unit.stacking.calibration.test_maps import drawn

QUICK = ScoreConfig(replicates=100, seeds=(0,))


def dealt(rows=600):
    score, target = drawn(rows)
    return score, target, np.arange(rows) % 3


@pytest.mark.parametrize("method", METHODS)
def test_a_folds_map_is_that_of_the_other_folds(method):
    score, target, folds = dealt()
    found = cross_fitted(method, score, target, folds)
    for fold in range(3):
        held = folds == fold
        slow = fit(method, score[~held], target[~held]).probabilities(score[held])
        assert found[held].tobytes() == slow.tobytes()


@pytest.mark.parametrize("method", METHODS)
def test_labels_of_a_fold_do_not_move_its_own_probabilities(method):
    score, target, folds = dealt()
    turned = np.where(folds == 1, 1 - target, target)
    before, after = (cross_fitted(method, score, one, folds) for one in (target, turned))
    assert (before[folds == 1] == after[folds == 1]).all()
    assert (before[folds != 1] != after[folds != 1]).any()  # it can tell


def test_the_sheet_says_what_was_gained_and_that_no_rank_was_lost():
    score, target, folds = dealt(3000)
    sheet = calibration_sheet(
        score, target, folds, whose=cohort(None, target), config=QUICK, show=None
    )
    raw, platt, steps = (sheet["methods"][name] for name in ("none", "platt", "isotonic"))
    assert raw["metrics"]["brier"]["value"] == pytest.approx(brier(target, score))
    gain = platt["metrics"]["brier"]["value"] - raw["metrics"]["brier"]["value"]
    assert platt["minus_raw"]["brier"]["value"] == pytest.approx(gain)
    assert platt["minus_raw"]["brier"]["high"] < 0  # drawn too sure by half, and put right
    assert platt["metrics"]["calibration_slope"]["value"] == pytest.approx(1, abs=0.15)
    for name in ("none", "platt", "beta", "temperature"):
        assert sheet["methods"][name]["pauc_changed_within_folds"] < 1e-12
    assert steps["distinct"] < raw["distinct"] / 10  # ties
    assert raw["minus_raw"] is None


def test_what_is_handed_out_is_the_mean_of_the_views_each_mapped():
    score, target, _ = dealt()
    config = CalibrationConfig(method="platt", prevalence=0.01)
    ours = Calibrated.of(score, target, config)
    views = [np.array([0.1, 0.9]), np.array([0.3, 0.5])]
    table = ours.beside(pl.DataFrame({"isic_id": ["a", "b"]}), views)
    each = [
        shifted(fit("platt", score, target).probabilities(one), target.mean(), 0.01)
        for one in views
    ]
    assert table[PROBABILITY].to_list() == pytest.approx(np.mean(each, axis=0).tolist())
    again = Calibrated.of_json(ours.as_json())
    assert again(views[0]).tobytes() == ours(views[0]).tobytes()


def test_as_it_is_there_is_no_map():
    score, target, _ = dealt()
    assert Calibrated.of(score, target, CalibrationConfig()) is None
