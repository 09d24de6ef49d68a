"""The probability at or above which a row is called positive, chosen on inner rows."""

from typing import Literal

import numpy as np

from workspace.arrays import Bools, Floats


def best_threshold(
    positive: Bools, probability: Floats, what: Literal["youden", "accuracy"]
) -> float:
    """The probability at which Youden's J, or accuracy, is greatest; the lowest of equals.

    Halfway to the next lower one: no row lies on it, and neighbours of the chosen row pass alike.
    """
    order = np.argsort(-probability, kind="stable")
    value, is_positive = probability[order], positive[order]
    ends = np.flatnonzero(np.r_[value[1:] != value[:-1], True])
    caught, flagged = np.cumsum(is_positive)[ends], np.cumsum(~is_positive)[ends]
    if what == "youden":
        worth = caught / max(is_positive.sum(), 1) - flagged / max((~is_positive).sum(), 1)
    else:
        worth = caught - flagged
    best = len(worth) - 1 - int(np.argmax(worth[::-1]))
    lower = value[ends[best] + 1] if best + 1 < len(ends) else 0.0
    return float((value[ends[best]] + lower) / 2)
