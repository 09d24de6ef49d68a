"""How well scores order the rows: AUC, average precision, and all ranking metrics as sums."""

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from metrics import curve
from metrics.cohort import Cohort, evenly, positives_each
from metrics.inputs import both_classes, checked
from metrics.pauc import MIN_TPR, most_missed, pauc_of, standardised
from metrics.tally import Tally, tally_rows
from workspace.arrays import Floats


def auc(target: ArrayLike, score: ArrayLike) -> float:
    """The chance that a positive scores above a negative, ties as half: 0 to 1, chance 0.5."""
    return float(curve.area(curve.curve(both_classes(checked(target, score), "AUC"))))


def average_precision(target: ArrayLike, score: ArrayLike) -> float:
    """Precision averaged over the positives; chance is the share of positives."""
    scored = both_classes(checked(target, score), "Average precision")
    return float(curve.average_precision(curve.curve(scored)))


def ranking_tally(
    target: ArrayLike, score: ArrayLike, cohort: Cohort, min_tpr: float = MIN_TPR
) -> Tally:
    """pAUC, its standardised form, AUC and average precision, from one table of counts."""
    scored = both_classes(checked(target, score), "A ranking")
    column, width = curve.columns(scored)
    most_missed(min_tpr)

    def values(sums: Floats) -> dict[str, Floats]:
        curves = curve.from_sums(sums)
        pauc = pauc_of(curves, min_tpr)
        return {
            "pauc": pauc,
            "standardised_pauc": standardised(pauc, min_tpr),
            "auc": curve.area(curves),
            "average_precision": np.where(
                curves.n_negative > 0, curve.average_precision(curves), np.nan
            ),
        }

    tally = tally_rows(cohort, column, width, values)
    return replace(
        tally,
        mix={"average_precision": evenly(scored.positive, cohort)},
        margins=curve.margins(width, positives_each(scored.positive, cohort), tally.point()),
    )
