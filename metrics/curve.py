"""The ROC curve as seen from the positives: all that pAUC, AUC and average precision look at.

Going up through the distinct scores of the positives, what counts is how many negatives lie below
each and how many are tied with it. These counts may be weights of many resamples at once: every
function takes any leading axes, and the last one runs over the distinct scores, lowest first.
"""

from collections.abc import Collection
from typing import NamedTuple

import numpy as np

from metrics.inputs import Scored
from metrics.tally import Margins
from workspace.arrays import Bools, Floats, Ints


class Curve(NamedTuple):
    """Weights at each distinct score of a positive; shapes (..., k) and (...) for the totals."""

    positives: Floats
    below: Floats  # negatives with a lower score
    tied: Floats  # negatives with the same score
    n_positive: Floats
    n_negative: Floats


def curve(scored: Scored, up_to: float = 1.0) -> Curve:
    """The curve of some rows; of the positives, at least the lowest `up_to` share.

    One sort of the negatives is nearly all the work.
    """
    values, counts = np.unique(scored.score[scored.positive], return_counts=True)
    shares = np.cumsum(counts) / counts.sum()
    last = min(int(np.searchsorted(shares, up_to)) + 1, len(values))
    negatives = np.sort(scored.score[~scored.positive])
    below = np.searchsorted(negatives, values[:last], "left")
    upto = np.searchsorted(negatives, values[:last], "right")
    return Curve(
        positives=counts[:last].astype(np.float64),
        below=below.astype(np.float64),
        tied=(upto - below).astype(np.float64),
        n_positive=np.array(counts.sum(), dtype=np.float64),
        n_negative=np.array(len(negatives), dtype=np.float64),
    )


def columns(scored: Scored) -> tuple[Ints, int]:
    """For each row the column of a table from whose sums `from_sums` reads the curve.

    With k distinct scores of positives, below and above all that there are two at which no row is:
    columns 0, 2, .. 2k hold the negatives between them, 1, 3, .. 2k-1 those tied with them, the
    last k the positives. Also the number of columns.
    """
    own, inverse = np.unique(scored.score[scored.positive], return_inverse=True)
    values, inverse = np.r_[-np.inf, own, np.inf], inverse + 1
    negatives = scored.score[~scored.positive]
    next_up = np.searchsorted(values, negatives, "left")
    tied: Bools = values[np.minimum(next_up, len(values) - 1)] == negatives
    column = np.empty(len(scored.score), dtype=np.int64)
    column[~scored.positive] = 2 * next_up + tied
    column[scored.positive] = 2 * len(values) + 1 + inverse
    return column, 3 * len(values) + 1


def margins(width: int, positives: float, of: Collection[str]) -> Margins:
    """So many positives more, below or above all rows, in a table of so many columns."""
    worst, best = np.zeros((2, width))
    worst[-(width // 3)], best[-1] = positives, positives
    return Margins(worst, best, frozenset(of))


def from_sums(sums: Floats) -> Curve:
    """The curve of each resample, (..., k), from the sums of its table's columns, (..., 3k + 1)."""
    k = (sums.shape[-1] - 1) // 3
    negatives, positives = sums[..., : 2 * k + 1], sums[..., 2 * k + 1 :]
    so_far = np.cumsum(negatives, axis=-1)
    return Curve(
        positives=positives,
        below=so_far[..., 0:-1:2],
        tied=negatives[..., 1::2],
        n_positive=positives.sum(axis=-1),
        n_negative=so_far[..., -1],
    )


def area(curve: Curve, missed: float = 1.0) -> Floats:
    """The area beside the curve where at most the share `missed` of the positives is missed.

    With each positive passed on the way up, the true positive rate falls by its share; the strip
    is as long as the share of negatives below. A tie is a slope, half of it counts, and a strip
    that is cut by `missed` is cut along the slope. NaN where a class is missing.
    """
    with np.errstate(invalid="ignore", divide="ignore"):  # 0/0 is NaN on purpose
        step = curve.positives / curve.n_positive[..., None]
        end = np.cumsum(curve.positives, axis=-1) / curve.n_positive[..., None]
        height = np.clip(np.minimum(end, missed) - (end - step), 0.0, None)
        share = np.where(step > 0, height / step, 0.0)  # 1 but for the strip that is cut
        strips = height * (curve.below + share * curve.tied / 2)
        areas: Floats = strips.sum(axis=-1) / curve.n_negative
    return np.where(curve.n_positive > 0, areas, np.nan)


def average_precision(curve: Curve) -> Floats:
    """Precision at each positive on the way down, averaged; NaN where no row is positive."""
    with np.errstate(invalid="ignore", divide="ignore"):  # 0/0 is NaN on purpose
        true = np.cumsum(curve.positives[..., ::-1], axis=-1)[..., ::-1]
        false = curve.n_negative[..., None] - curve.below
        precision = np.where(true > 0, true / (true + false), 0.0)
        total: Floats = (curve.positives * precision).sum(axis=-1) / curve.n_positive
    return total
