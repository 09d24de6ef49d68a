"""What a bundle decides by, and what that is worth on rows that had no say in it.

Both are of what the exported file itself says: another file of the same network (halved weights)
has a threshold of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from metrics.bootstrap import difference, intervals
from metrics.calibration import calibration_tally, slope_and_intercept
from metrics.cohort import cohort
from metrics.operating import operating_tally, threshold_for_sensitivity
from metrics.ranking import ranking_tally
from metrics.score_sheet import ScoreConfig
from models.export.config import ExportConfig
from models.inference.familiar import limit_of
from models.networks.measure import Patients
from workspace.arrays import Bools, Floats, Ints
from workspace.errors import DataError
from workspace.lazy import LazyModule

special = LazyModule("scipy.special")

CERTAIN = 1e-15  # how far from 0 and 1 a probability is held before its log odds are taken
Platt = tuple[float, float]  # slope and shift of log odds


@dataclass(frozen=True)
class SaidRows:
    """Rows with what the file says of them."""

    positive: Bools
    probability: Floats
    distance: Floats
    patient: Patients = None


def drawn_half(rows: Ints, groups: Ints, seed: int) -> tuple[Ints, Ints]:
    """Rows in two, no group on both sides; `groups` are those of the rows."""
    known = np.random.default_rng(seed).permutation(np.unique(groups))
    is_first = np.isin(groups, known[: len(known) // 2])
    return rows[is_first], rows[~is_first]


def check_both_classes(positive: Bools, title: str, which: str) -> None:
    """Refuse rows of one class: on them nothing can be chosen, and nothing measured."""
    positives, n = int(positive.sum()), len(positive)
    if not 0 < positives < n:
        raise DataError(
            f"{title}, cannot be exported: of the rows {which}, {n} in all, {positives} are "
            "positive, and a threshold and what it is worth need both classes. Take another "
            "export.fold, or more data."
        )


def platt(positive: Bools, probability: Floats) -> Platt:
    """The map by which these rows' probabilities come true, as a logistic regression has it."""
    slope, _ = slope_and_intercept(positive, probability)
    if not slope > 0:
        raise DataError(
            f"No calibration can be fitted: on the {len(positive)} rows that choose the slope of "
            f"log odds is {slope:.3g}; take export.calibration='none'."
        )
    _, shift = slope_and_intercept(positive, calibrated(probability, (slope, 0.0)))
    return slope, shift


def calibrated(probability: Floats, by: Platt | None) -> Floats:
    """(rows,): the same probabilities by this map, if there is one."""
    if by is None:
        return probability
    held = np.clip(probability, CERTAIN, 1 - CERTAIN)
    mapped: Floats = special.expit(by[0] * special.logit(held) + by[1])
    return mapped


def chosen(rows: SaidRows, config: ExportConfig) -> dict[str, Any]:
    """Threshold and limit of distance, with what they reach on the rows that chose them.

    Both lie between two of the rows, so that no row's last bit decides.
    """
    observed = threshold_for_sensitivity(rows.positive, rows.probability, config.sensitivity)
    below = rows.probability[rows.probability < observed]
    threshold = float((observed + (below.max() if len(below) else 0.0)) / 2)
    flagged = rows.probability >= threshold
    return {
        "threshold": {
            "value": threshold, "sensitivity": config.sensitivity,
            "reached": float(flagged[rows.positive].mean()),
            "specificity": float((~flagged[~rows.positive]).mean()),
        },
        "distance": {
            "limit": limit_of(rows.distance, config.false_alarms),
            "false_alarms": config.false_alarms,
        },
        "n": len(rows.positive), "positives": int(rows.positive.sum()),
    }  # fmt: skip


def measured(rows: SaidRows, choice: Mapping[str, Any], score: ScoreConfig) -> dict[str, Any]:
    """Rows of which none chose anything: ranking, the threshold, calibration, with intervals."""
    whose = cohort(rows.patient, rows.positive)
    threshold = choice["threshold"]["value"]
    given = (rows.positive, rows.probability)
    tallies = {
        "ranking": ranking_tally(*given, whose, score.min_tpr),
        "operating": operating_tally(*given, threshold, whose),
        "calibration": calibration_tally(*given, whose, score.bins, score.bins_by),
    }
    found = intervals(tallies, whose, score.bootstrap())
    return {
        "n": len(rows.positive), "positives": int(rows.positive.sum()),
        "patients": whose.size if whose.unit == "patient" else None,
        "unlike": float((rows.distance > choice["distance"]["limit"]).mean()),
        "metrics": {name: one.as_json() for by in found.values() for name, one in by.items()},
    }  # fmt: skip


def changed(rows: SaidRows, whole: Floats, score: ScoreConfig) -> dict[str, Any]:
    """What fewer bits did on these rows: `whole` is what the network says in all its bits."""
    whose = cohort(rows.patient, rows.positive)
    ranked = (
        ranking_tally(rows.positive, said, whose, score.min_tpr)
        for said in (whole, rows.probability)
    )
    minus = intervals({"minus": difference(*ranked)}, whose, score.bootstrap())["minus"]
    apart = np.abs(rows.probability - whole)
    return {
        "mean": float(apart.mean()), "largest": float(apart.max()),
        "minus": {name: one.as_json() for name, one in minus.items()},
    }  # fmt: skip
