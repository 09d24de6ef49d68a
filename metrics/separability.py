"""How well one column tells the classes apart by itself, alone and beside another form of it.

The AUC needs no fit: a column is a score as it stands. It is turned so that it lies above one
half (`larger` says whether larger values are the positives'), and a second form of the column,
such as the z-score within the patient, is turned the same way, so that the difference is paired and
turning favours neither.
"""

from dataclasses import replace
from typing import TypedDict

import numpy as np
from numpy.typing import ArrayLike

from metrics import curve
from metrics.bootstrap import BootstrapConfig, IntervalSheet, difference, intervals
from metrics.cohort import Cohort, positives_each, subset
from metrics.inputs import as_positive, checked
from metrics.tally import Tally, tally_rows
from workspace.arrays import Bools, Floats

ONE_CLASS = "Among the rows that have a value one class is missing."
CONSTANT = "All rows have the same value."


class Separability(TypedDict):
    """A column's worth; `reason` says why it has none."""

    n: int  # rows that have a value (both, where there are two forms)
    positives: int
    larger: bool | None  # whether the positives' values are the larger ones
    auc: IntervalSheet | None
    other: IntervalSheet | None  # of the second form
    gain: IntervalSheet | None  # the second form's minus the column's, paired
    reason: str | None


def separability(
    target: ArrayLike,
    values: Floats,
    cohort: Cohort,
    config: BootstrapConfig | None = None,
    other: Floats | None = None,
) -> Separability:
    """The AUC of a column's known values with its interval, and of another form of them."""
    positive = as_positive(target)
    known = np.isfinite(values) if other is None else np.isfinite(values) & np.isfinite(other)
    here = positive[known]
    sheet: Separability = {
        "n": len(here), "positives": int(here.sum()), "larger": None, "auc": None,
        "other": None, "gain": None, "reason": _reason(here, values[known]),
    }  # fmt: skip
    if sheet["reason"] is not None:
        return sheet
    inside = subset(cohort, known, positive)
    sheet["larger"] = larger = auc_tally(here, values[known], inside).point()["auc"] >= 0.5
    sign = 1.0 if larger else -1.0
    tallies = {"auc": auc_tally(here, sign * values[known], inside)}
    if other is not None:
        tallies["other"] = auc_tally(here, sign * other[known], inside)
        tallies["gain"] = difference(tallies["auc"], tallies["other"])
    found = {name: one["auc"].as_json() for name, one in intervals(tallies, inside, config).items()}
    return {**sheet, "auc": found["auc"], "other": found.get("other"), "gain": found.get("gain")}


def auc_tally(target: ArrayLike, score: ArrayLike, cohort: Cohort) -> Tally:
    """The AUC alone: of all that ranks, the quickest to draw again."""
    scored = checked(target, score)
    column, width = curve.columns(scored)

    def values(sums: Floats) -> dict[str, Floats]:
        return {"auc": curve.area(curve.from_sums(sums))}

    more = curve.margins(width, positives_each(scored.positive, cohort), {"auc"})
    return replace(tally_rows(cohort, column, width, values), margins=more)


def _reason(positive: Bools, values: Floats) -> str | None:
    if not positive.any() or positive.all():
        return ONE_CLASS
    return CONSTANT if np.ptp(values) == 0 else None
