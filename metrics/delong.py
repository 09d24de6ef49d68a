"""DeLong's interval for the AUC: a closed form, as a second opinion beside the bootstrap.

It takes rows for independent. Lesions of one patient are not, so its intervals are too narrow
where patients have several; the patient bootstrap is the one to report.
"""

from dataclasses import asdict, dataclass, replace
from statistics import NormalDist
from typing import TypedDict, cast

import numpy as np
from numpy.typing import ArrayLike

from metrics.inputs import Scored, both_classes, checked
from workspace.arrays import Floats
from workspace.errors import DataError

CAVEAT = "DeLong takes rows as independent; lesions of one patient are not."


class DeLongSheet(TypedDict):
    """DeLong's interval as JSON has it."""

    value: float
    low: float
    high: float
    standard_error: float
    level: float
    caveat: str


@dataclass(frozen=True)
class DeLong:
    """A value with its normal-theory interval."""

    value: float
    low: float
    high: float
    standard_error: float
    level: float
    caveat: str = CAVEAT

    def as_json(self) -> DeLongSheet:
        return cast(DeLongSheet, asdict(self))


def delong_auc(target: ArrayLike, score: ArrayLike, level: float = 0.95) -> DeLong:
    """The AUC; its interval is cut at 0 and 1."""
    positives, negatives = _placements(both_classes(checked(target, score), "AUC"))
    whole = _normal(float(positives.mean()), _variance(positives, negatives), level)
    return replace(whole, low=max(whole.low, 0.0), high=min(whole.high, 1.0))


def delong_difference(
    target: ArrayLike, first: ArrayLike, second: ArrayLike, level: float = 0.95
) -> DeLong:
    """The second score's AUC minus the first's, on the same rows."""
    ours = _placements(both_classes(checked(target, first), "AUC"))
    theirs = _placements(both_classes(checked(target, second), "AUC"))
    positives, negatives = (b - a for a, b in zip(ours, theirs, strict=True))
    return _normal(float(positives.mean()), _variance(positives, negatives), level)


def _placements(scored: Scored) -> tuple[Floats, Floats]:
    """The share of the other class that each positive is above, and each negative below."""
    above = np.sort(scored.score[scored.positive])
    below = np.sort(scored.score[~scored.positive])
    if len(above) < 2 or len(below) < 2:
        raise DataError(
            f"DeLong needs two rows of each class; found {len(above)} positives and "
            f"{len(below)} negatives."
        )
    positives = _share_below(below, scored.score[scored.positive])
    return positives, 1 - _share_below(above, scored.score[~scored.positive])


def _share_below(others: Floats, values: Floats) -> Floats:
    below = np.searchsorted(others, values, "left") + np.searchsorted(others, values, "right")
    return below / (2 * len(others))


def _variance(positives: Floats, negatives: Floats) -> float:
    return float(positives.var(ddof=1) / len(positives) + negatives.var(ddof=1) / len(negatives))


def _normal(value: float, variance: float, level: float) -> DeLong:
    error = variance**0.5
    reach = NormalDist().inv_cdf((1 + level) / 2) * error
    return DeLong(value, value - reach, value + reach, error, level)
