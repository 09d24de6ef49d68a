"""Every threshold worth a look: what is found and what is flagged in vain from each on.

Between two scores of positives a lower threshold flags more and finds nobody more, so the scores of
positives are all there is to choose from. Where they are many, some are taken, evenly by how many
positives each finds.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from metrics.inputs import both_classes, checked
from metrics.operating import threshold_for_sensitivity
from workspace.arrays import Floats, Ints

MOST = 512


class Flagged(NamedTuple):
    """Thresholds, lowest first, with how many rows of either class score at least that."""

    thresholds: Floats
    tp: Ints
    fp: Ints
    positives: int
    negatives: int


def flagged_from(
    target: ArrayLike, score: ArrayLike, sensitivities: Sequence[float] = (), most: int = MOST
) -> Flagged:
    """At most so many distinct scores of positives: the least and the greatest, and those that
    `threshold_for_sensitivity` gives, are always among them."""
    scored = both_classes(checked(target, score), "A threshold")
    values, counts = np.unique(scored.score[scored.positive], return_counts=True)
    negatives = np.sort(scored.score[~scored.positive])
    found = np.cumsum(counts[::-1])[::-1]
    wanted = [threshold_for_sensitivity(target, score, one) for one in sensitivities]
    kept = _kept(found, np.searchsorted(values, wanted), most)
    below = np.searchsorted(negatives, values[kept], "left")
    return Flagged(
        thresholds=values[kept],
        tp=found[kept].astype(np.int64),
        fp=(len(negatives) - below).astype(np.int64),
        positives=scored.n_positive,
        negatives=len(negatives),
    )


def _kept(found: Ints, wanted: Ints, most: int) -> Ints:
    """Which of the scores: all, or evenly spread over how many positives are found from each on."""
    if len(found) <= most:
        return np.arange(len(found))
    steps = np.linspace(found[0], found[-1], most - len(wanted))
    spread = len(found) - 1 - np.searchsorted(found[::-1], steps, "left")
    return np.unique(np.r_[spread, wanted])
