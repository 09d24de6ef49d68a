"""Where a patient's lesions stand among that patient's: the ugly duckling in numbers.

A place is counted from the highest score; equal scores share the mean of their places.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from metrics.cohort import Cohort
from metrics.inputs import as_finite
from workspace.arrays import Floats, Ints


@dataclass(frozen=True)
class Places:
    """Row for row: its place among its patient's rows, and how many these are."""

    place: Floats
    of: Ints

    @property
    def percentile(self) -> Floats:
        """(rows,): of the patient's other lesions, the share in percent that scores lower, half of
        those that score the same counted; NaN of an only lesion."""
        others = self.of - 1.0
        shares = np.full(len(others), np.nan)
        np.divide(100 * (self.of - self.place), others, out=shares, where=others > 0)
        return shares


def places(score: ArrayLike, cohort: Cohort) -> Places:
    """O(n log n), also with one patient of thousands of lesions."""
    scores, codes = as_finite(score), cohort.codes
    order = np.lexsort((-scores, codes))
    of = np.bincount(codes, minlength=cohort.size)
    first = np.concatenate([[0], np.cumsum(of)[:-1]]) if cohort.size else np.zeros(0, np.int64)
    ordered, whose = scores[order], codes[order]
    new_tie = np.r_[True, (whose[1:] != whose[:-1]) | (ordered[1:] != ordered[:-1])]
    tie = np.cumsum(new_tie) - 1
    counted = np.arange(len(order)) - first[whose] + 1.0
    shared = np.bincount(tie, weights=counted) / np.bincount(tie)
    place = np.empty(len(order))
    place[order] = shared[tie]
    return Places(place, of[codes])
