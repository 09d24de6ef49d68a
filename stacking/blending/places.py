"""Where a score lies among the scores that the same models gave to rows they held out.

Models of two folds have two scales; a place, from 0 to 1, means the same on both. Ranks within a
set would make a row's score hang on who else is in the set, and rows of their own of a test set of
three. So the held-out rows of a fold are the ruler, for themselves and for any other row.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Ruler:
    """The distinct scores of some rows, and twice the mean rank of each less one: whole numbers."""

    scores: Floats  # distinct, lowest first
    halves: Floats  # rows below, twice, with the tied ones once: 1, 3, 5, ... without ties
    full: int  # twice the rows

    @classmethod
    def of(cls, scores: Floats) -> "Ruler":
        """The ruler of these rows; none may be NaN."""
        distinct, counts = np.unique(scores, return_counts=True)
        upto = np.cumsum(counts)
        return cls(distinct, (2 * upto - counts).astype(np.float64), 2 * len(scores))

    def halves_of(self, scores: Floats) -> Floats:
        """Between 0 and `full`, whole for a known score, so that sums of equal places are equal.

        In a straight line between two known scores. Beyond the last it goes on towards the end
        without reaching it: scores above all held-out ones still have an order.
        """
        known, last = self.scores, len(self.scores) - 1
        above = np.searchsorted(known, scores, "right")
        low, high = np.clip(above - 1, 0, last), np.clip(above, 0, last)
        gap = known[high] - known[low]
        share = np.divide(scores - known[low], gap, out=np.zeros(len(scores)), where=gap > 0)
        within = self.halves[low] + share * (self.halves[high] - self.halves[low])
        span = (known[-1] - known[0]) or 1.0  # one distinct score has no span
        over, under = (np.maximum(far, 0.0) for far in (scores - known[-1], known[0] - scores))
        up = (self.full - self.halves[-1]) * over / (over + span)
        down = self.halves[0] * under / (under + span)
        return np.asarray(within + up - down, dtype=np.float64)

    def place(self, scores: Floats) -> Floats:
        """From 0 to 1: the share of the ruler's rows below, half of the tied ones counted."""
        return self.halves_of(scores) / self.full
