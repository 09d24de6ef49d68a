"""Who ranks and who flags: two members, each chosen for its own role, on the rows that are given.

The ranker orders lesions, the flagger says of which to be warned. Any member is as sensitive as one
likes if it may raise any number of false alarms, so the most sensitive is who finds most positives
within the fewest false alarms by which somebody finds the wanted share.
"""

import numpy as np

from metrics.operating import threshold_for_sensitivity
from metrics.pauc import pauc_above_tpr
from stacking.blending.greedy import DIGITS
from workspace.arrays import Floats, Ints


def best_ranker(target: Ints, places: Floats, min_tpr: float) -> int:
    """The member (of members, rows) with the highest pAUC; of equals the first."""
    return int(np.argmax(_paucs(target, places, min_tpr)))


def most_sensitive(target: Ints, places: Floats, sensitivity: float, min_tpr: float) -> int:
    """The member (of members, rows) that finds the wanted share with the fewest false alarms.

    Of equals who finds more within as many, then who ranks better, then the first.
    """
    alarms = [_false_alarms(target, one, sensitivity) for one in places]
    fewest = min(alarms)
    best = [
        (number == fewest, _positives_within(target, one, fewest), pauc)
        for number, one, pauc in zip(alarms, places, _paucs(target, places, min_tpr), strict=True)
    ]
    return best.index(max(best))


def _paucs(target: Ints, places: Floats, min_tpr: float) -> list[float]:
    return [round(pauc_above_tpr(target, one, min_tpr), DIGITS) for one in places]


def _false_alarms(target: Ints, one: Floats, sensitivity: float) -> int:
    """How many negatives it flags where it finds the wanted share."""
    threshold = threshold_for_sensitivity(target, one, sensitivity)
    return int(np.count_nonzero(one[target == 0] >= threshold))


def _positives_within(target: Ints, one: Floats, alarms: int) -> int:
    """How many positives it finds with no more false alarms than these."""
    negatives = np.sort(one[target == 0])[::-1]
    positives = one[target == 1]
    if alarms >= len(negatives):
        return len(positives)
    return int(np.count_nonzero(positives > negatives[alarms]))
