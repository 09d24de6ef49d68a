"""Out-of-fold scores seen fold by fold: each fold, their mean and spread, and all rows pooled.

The folds' scores come from different models. Pooling ranks them against one another, so the
pooled value is another quantity than the folds' mean; both are named.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypedDict

import numpy as np
from numpy.typing import ArrayLike

from metrics.bootstrap import BootstrapConfig, Interval, IntervalSheet, interval_of
from metrics.cohort import Cohort, subset
from metrics.inputs import checked
from metrics.pauc import MIN_TPR
from metrics.ranking import ranking_tally
from metrics.tally import Margins, Tally, Values, side_by_side
from workspace.arrays import Ints
from workspace.errors import DataError, listed
from workspace.lazy import LazyModule

sparse = LazyModule("scipy.sparse")

ORDER = ("pauc", "standardised_pauc", "auc")  # what has a mean over folds, and an interval of it
NO_FOLD = "No fold has both classes; a score by fold needs one that has."
POOLED = "pooled over folds whose scores come from different models"


class FoldScore(TypedDict):
    """One fold's rows and what they are worth."""

    fold: int | str
    n: int
    positives: int
    patients: int | None
    metrics: dict[str, IntervalSheet] | None  # None: it holds out one class alone


class FoldTable(TypedDict):
    """Each fold, their mean and spread, and all rows pooled."""

    folds: list[FoldScore]
    mean_of: int  # folds that have both classes
    mean: dict[str, float]
    sd: dict[str, float | None]
    pooled: dict[str, IntervalSheet]
    pooled_is: str


def mean_over_folds(
    target: ArrayLike, score: ArrayLike, fold: ArrayLike, cohort: Cohort, min_tpr: float = MIN_TPR
) -> Tally:
    """How well each fold's scores order its own rows, in the mean: on whatever scale each scores.

    Of folds that hold out both classes. Part of a patient more (`Margins`) is shared by the folds.
    """
    scored, folds = checked(target, score), np.asarray(fold)
    _refuse_split_patients(folds, cohort)
    tallies = {}
    for name in np.unique(folds):
        rows = folds == name
        if scored.positive[rows].any() and not scored.positive[rows].all():
            inside = subset(cohort, rows, scored.positive)
            own = ranking_tally(scored.positive[rows], scored.score[rows], inside, min_tpr)
            tallies[str(name)] = _among(own, np.unique(cohort.codes[rows]), cohort.size)
    if not tallies:
        raise DataError(NO_FOLD)

    def mean(values: Mapping[str, Values]) -> Values:
        return {name: np.mean([one[name] for one in values.values()], axis=0) for name in ORDER}

    both = side_by_side(tallies, mean)
    assert both.margins is not None
    worst, best = both.margins.worst / len(tallies), both.margins.best / len(tallies)
    return replace(both, margins=Margins(worst, best, both.margins.of & set(ORDER)))


def _among(tally: Tally, patients: Ints, size: int) -> Tally:
    """A tally of these patients alone as one of all, to which the others add nothing."""
    own = tally.table.tocoo()
    place = (own.row, patients[own.col])
    table = sparse.coo_array((own.data, place), shape=(own.shape[0], size))
    return replace(tally, table=table.tocsr())


def fold_table(
    target: ArrayLike,
    score: ArrayLike,
    fold: ArrayLike,
    cohort: Cohort,
    config: BootstrapConfig | None = None,
    *,
    min_tpr: float = MIN_TPR,
) -> FoldTable:
    """`folds`: n, positives and intervals of each; `mean` and `sd` over folds; `pooled`."""
    scored, folds = checked(target, score), np.asarray(fold)
    if folds.dtype.kind not in "iuU":
        raise DataError("The folds must be whole numbers or names, one for each row, none missing.")
    if folds.shape != scored.positive.shape:
        raise DataError(
            f"There are {len(folds)} folds for {len(scored.positive)} rows; join them by id first."
        )
    _refuse_split_patients(folds, cohort)
    config = config or BootstrapConfig()
    entries: list[FoldScore] = []
    for name in np.unique(folds):
        rows = folds == name
        inside = subset(cohort, rows, scored.positive)
        n, positives = int(rows.sum()), int(scored.positive[rows].sum())
        metrics = None
        if 0 < positives < n:
            tally = ranking_tally(scored.positive[rows], scored.score[rows], inside, min_tpr)
            metrics = _sheets(interval_of(tally, inside, config))
        entries.append(
            {
                "fold": name.item(),
                "n": n,
                "positives": positives,
                "patients": inside.size if inside.unit == "patient" else None,
                "metrics": metrics,
            }
        )
    both = [one["metrics"] for one in entries if one["metrics"] is not None]
    if not both:
        raise DataError(NO_FOLD)
    pooled = ranking_tally(scored.positive, scored.score, cohort, min_tpr)
    values = {
        name: np.array([metrics[name]["value"] for metrics in both], np.float64) for name in both[0]
    }
    return {
        "folds": entries,
        "mean_of": len(both),
        "mean": {name: float(np.mean(value)) for name, value in values.items()},
        "sd": {
            name: float(np.std(value, ddof=1)) if len(value) > 1 else None
            for name, value in values.items()
        },
        "pooled": _sheets(interval_of(pooled, cohort, config)),
        "pooled_is": POOLED,
    }


def _sheets(values: Mapping[str, Interval]) -> dict[str, IntervalSheet]:
    return {name: value.as_json() for name, value in values.items()}


def _refuse_split_patients(folds: np.ndarray[Any, Any], cohort: Cohort) -> None:
    if cohort.unit == "row":
        return
    pairs = np.unique(np.stack([cohort.codes, np.unique(folds, return_inverse=True)[1]]), axis=1)
    split = np.flatnonzero(np.bincount(pairs[0], minlength=cohort.size) > 1)
    if len(split):
        raise DataError(
            f"{len(split)} patients have rows in more than one fold (patients number "
            f"{listed(split.tolist())} in sorted order); a patient belongs to one fold."
        )
