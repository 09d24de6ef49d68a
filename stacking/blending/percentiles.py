"""Where a score lies among the scores that the same models gave to rows they held out.

Models of two folds have two scales; a percentile, here from 0 to 1, means the same on both. Ranks
within a set would make a row's score hang on who else is in the set, and rows of their own of a
test set of three. So the held-out rows of a fold are the reference, for themselves and for any
other row.
"""

from dataclasses import dataclass

import numpy as np

from workspace.arrays import Floats


@dataclass(frozen=True, eq=False)
class Reference:
    """The distinct scores of some rows, and the doubled mid-rank of each: whole numbers."""

    scores: Floats  # distinct, lowest first
    doubled_ranks: Floats  # rows below, twice, with the tied ones once: 1, 3, 5, ... without ties
    doubled_count: int  # twice the rows

    @classmethod
    def of(cls, scores: Floats) -> "Reference":
        """These rows as the reference; none may be NaN."""
        distinct, counts = np.unique(scores, return_counts=True)
        upto = np.cumsum(counts)
        return cls(distinct, (2 * upto - counts).astype(np.float64), 2 * len(scores))

    def doubled_ranks_of(self, scores: Floats) -> Floats:
        """Between 0 and `doubled_count`, whole for a known score, so that equal sums are equal.

        In a straight line between two known scores. Beyond the last it goes on towards the end
        without reaching it: scores above all held-out ones still have an order.
        """
        known, last, ranks = self.scores, len(self.scores) - 1, self.doubled_ranks
        above = np.searchsorted(known, scores, "right")
        low, high = np.clip(above - 1, 0, last), np.clip(above, 0, last)
        gap = known[high] - known[low]
        share = np.divide(scores - known[low], gap, out=np.zeros(len(scores)), where=gap > 0)
        within = ranks[low] + share * (ranks[high] - ranks[low])
        span = (known[-1] - known[0]) or 1.0  # one distinct score has no span
        over, under = (np.maximum(far, 0.0) for far in (scores - known[-1], known[0] - scores))
        up = (self.doubled_count - ranks[-1]) * over / (over + span)
        down = ranks[0] * under / (under + span)
        return np.asarray(within + up - down, dtype=np.float64)

    def percentiles(self, scores: Floats) -> Floats:
        """From 0 to 1: the share of the reference's rows below, half of the tied ones counted."""
        return self.doubled_ranks_of(scores) / self.doubled_count
