"""What calibration brings: each method fitted on the other folds' rows, beside the score as it is.

A fold's map never saw its rows. Within a fold an increasing map leaves pAUC alone to the last
digit; pooled, folds are moved against one another, and so pooled pAUC may change a little.
"""

from typing import TypedDict

import numpy as np

from metrics.bootstrap import IntervalSheet, difference, intervals
from metrics.calibration import calibration_tally
from metrics.cohort import Cohort
from metrics.pauc import pauc_above_tpr
from metrics.score_sheet import ScoreConfig
from stacking.calibration.config import METHODS, Method
from stacking.calibration.maps import fit
from stacking.measure import interval_sheets
from workspace.arrays import Floats, Ints
from workspace.progress import Show

RAW = "none"  # the score as it is


class MethodSheet(TypedDict):
    """What one method's probabilities are worth."""

    metrics: dict[str, IntervalSheet]  # Brier score, log loss, ECE, slope, intercept
    minus_raw: dict[str, IntervalSheet] | None  # None of the raw score itself
    distinct: int  # different values: an isotonic map ties rows
    pauc_pooled: float
    pauc_changed_within_folds: float  # the most in any fold; 0 for what keeps the order


class CalibrationSheet(TypedDict):
    """All methods on the same rows."""

    n: int
    positives: int
    bins: int
    fitted_on: str
    methods: dict[str, MethodSheet]


def cross_fitted(method: Method, score: Floats, target: Ints, folds: Ints) -> Floats:
    """(rows,): each row's probability by a map of the other folds' rows."""
    probability = np.empty(len(score))
    for fold in np.unique(folds):
        held_out = folds == fold
        fitted = fit(method, score[~held_out], target[~held_out])
        probability[held_out] = fitted.probabilities(score[held_out])
    return probability


def calibration_sheet(
    score: Floats, target: Ints, folds: Ints, *, whose: Cohort, config: ScoreConfig,
    show: Show | None = None,
) -> CalibrationSheet:  # fmt: skip
    """The score as it is and by every method; of at least two folds with both classes outside."""
    by_method = {RAW: score} | {
        method: cross_fitted(method, score, target, folds) for method in METHODS
    }
    tallies = {
        name: calibration_tally(target, one, whose, config.bins, config.bins_by)
        for name, one in by_method.items()
    }
    minus = {
        f"{name} minus raw": difference(tallies[RAW], tally)
        for name, tally in tallies.items()
        if name != RAW
    }
    by_name = intervals({**tallies, **minus}, whose, config.bootstrap(), show)
    sheets: dict[str, MethodSheet] = {}
    for name, one in by_method.items():
        less = by_name.get(f"{name} minus raw")
        sheets[name] = {
            "metrics": interval_sheets(by_name[name]),
            "minus_raw": None if less is None else interval_sheets(less),
            "distinct": len(np.unique(one)),
            "pauc_pooled": pauc_above_tpr(target, one, config.min_tpr),
            "pauc_changed_within_folds": _changed(score, one, target, folds, config.min_tpr),
        }
    return {
        "n": len(score),
        "positives": int(target.sum()),
        "bins": config.bins,
        "fitted_on": "rows of the other folds",
        "methods": sheets,
    }


def _changed(before: Floats, after: Floats, target: Ints, folds: Ints, min_tpr: float) -> float:
    """The most that pAUC within a fold changes."""
    most = 0.0
    for fold in np.unique(folds):
        held = folds == fold
        if 0 < target[held].sum() < held.sum():
            was, now = (pauc_above_tpr(target[held], one[held], min_tpr) for one in (before, after))
            most = max(most, abs(now - was))
    return most
