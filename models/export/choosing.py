"""What a bundle decides by, and what that is worth on rows that had no say in it.

Both are of what the exported file itself says: another file of the same network (halved weights)
has a threshold of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from metrics.bootstrap import intervals
from metrics.calibration import calibration_tally
from metrics.cohort import cohort
from metrics.operating import operating_tally, threshold_for_sensitivity
from metrics.ranking import ranking_tally
from metrics.score_sheet import ScoreConfig
from models.export.config import ExportConfig
from models.networks.measure import Patients
from workspace.arrays import Bools, Floats, Ints


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
            "limit": float(np.quantile(rows.distance, 1 - config.false_alarms)),
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
