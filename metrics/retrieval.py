"""Top-k retrieval: is a patient's malignant lesion among that patient's highest scores?"""

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from metrics.cohort import Cohort
from metrics.inputs import Scored, checked
from metrics.tally import Tally, tally_columns
from workspace.arrays import Floats
from workspace.errors import ConfigError, DataError

TOP = 15  # what ISIC 2024's secondary prize looks at


def top_k_retrieval_sensitivity(
    target: ArrayLike, score: ArrayLike, cohort: Cohort, k: int = TOP
) -> float:
    """Over patients with a malignant lesion, the mean share of those found among their k highest.

    From 0 to 1. Where a tie straddles the k-th place, its rows share the places that are left: the
    mean over all orders of the tie. O(n log n), also with one patient of thousands of lesions.
    """
    return retrieval_tally(target, score, cohort, k).point()[f"top_{k}_retrieval_sensitivity"]


def retrieval_tally(target: ArrayLike, score: ArrayLike, cohort: Cohort, k: int = TOP) -> Tally:
    """The same as sums over patients."""
    if cohort.unit == "row":
        raise DataError("Top-k retrieval looks within patients; no row says whose it is.")
    if k < 1:
        raise ConfigError(f"k is {k}; retrieval looks at one lesion at least.")
    scored = checked(target, score)
    if not scored.n_positive:
        raise DataError(
            f"Top-k retrieval needs a positive; found 0 in {len(scored.positive)} rows."
        )
    malignant = np.bincount(cohort.codes, weights=scored.positive, minlength=cohort.size)
    retrieved = _retrieved(scored, cohort, k)
    share = np.divide(retrieved, malignant, out=np.zeros(cohort.size), where=malignant > 0)

    def values(sums: Floats) -> dict[str, Floats]:
        with np.errstate(invalid="ignore"):  # 0/0 is NaN on purpose
            return {f"top_{k}_retrieval_sensitivity": sums[:, 0] / sums[:, 1]}

    patients = Cohort(np.arange(cohort.size), cohort.strata, cohort.unit)
    tally = tally_columns(patients, [share, malignant > 0], values)
    positives = int(np.count_nonzero(malignant))
    behind = {f"top_{k}_retrieval_sensitivity": positives}
    return replace(tally, behind=behind, shares=behind)


def _retrieved(scored: Scored, cohort: Cohort, k: int) -> Floats:
    """(patients,): malignant lesions expected among each patient's k highest scores."""
    order = np.lexsort((-scored.score, cohort.codes))
    codes, score = cohort.codes[order], scored.score[order]
    first = np.searchsorted(codes, np.arange(cohort.size))  # each patient's first row
    new_tie = np.r_[True, (codes[1:] != codes[:-1]) | (score[1:] != score[:-1])]
    tie = np.cumsum(new_tie) - 1
    starts = np.flatnonzero(new_tie)
    size = np.diff(np.r_[starts, len(codes)])
    above = starts - first[codes[starts]]  # rows of the patient above the tie
    share = np.clip((k - above) / size, 0.0, 1.0)
    hits = np.bincount(tie, weights=scored.positive[order], minlength=len(starts))
    retrieved = np.bincount(codes[starts], weights=hits * share, minlength=cohort.size)
    return retrieved.astype(np.float64)
