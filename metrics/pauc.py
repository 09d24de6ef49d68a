"""The competition's score: the partial area under the ROC curve above a true positive rate."""

from typing import TypeVar

from numpy.typing import ArrayLike

from metrics.curve import Curve, area, curve
from metrics.inputs import both_classes, checked
from workspace.arrays import Floats
from workspace.errors import ConfigError

MIN_TPR = 0.80  # what ISIC 2024 scores
Value = TypeVar("Value", float, Floats)


def pauc_above_tpr(target: ArrayLike, score: ArrayLike, min_tpr: float = MIN_TPR) -> float:
    """The area between the ROC curve and the line TPR = `min_tpr`, as ISIC 2024 computes it.

    From 0 (every positive below every negative) to 1 - min_tpr (perfect); a constant score gives
    (1 - min_tpr)^2 / 2, about what a random one gives: 0.2, 0.02 and 0 at the default. Only the
    order counts, so logits do as well as probabilities; ties count as half. O(n log n).
    """
    missed = most_missed(min_tpr)
    scored = both_classes(checked(target, score), "pAUC")
    return float(area(curve(scored, up_to=missed), missed))


def standardised_pauc(target: ArrayLike, score: ArrayLike, min_tpr: float = MIN_TPR) -> float:
    """The same after McClish: 1 is perfect, 0.5 a constant score."""
    return float(standardised(pauc_above_tpr(target, score, min_tpr), min_tpr))


def standardised(pauc: Value, min_tpr: float = MIN_TPR) -> Value:
    """McClish's form of a pAUC; at 0.80 it is 0.5 + (pauc - 0.02) / 0.36."""
    missed = most_missed(min_tpr)
    chance = missed**2 / 2
    return 0.5 + (pauc - chance) / (missed - chance) / 2


def pauc_of(curve: Curve, min_tpr: float = MIN_TPR) -> Floats:
    """The pAUC of each of many curves."""
    return area(curve, most_missed(min_tpr))


def most_missed(min_tpr: float) -> float:
    """The share of positives that may be missed at `min_tpr`."""
    if not 0 <= min_tpr < 1:
        raise ConfigError(f"min_tpr is {min_tpr}; it must be at least 0 and below 1.")
    return abs(1 - min_tpr)  # as the official code writes it, so that 1 - 0.80 is its 0.2
