"""One network's score of a lesion as six columns that mean the same whichever fold scored it.

Each fold's network has a level and a spread of its own. Its logits are standardised and ranked on
the anchors, which it never saw, so a training row and a test row know the same distribution.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from stacking.alignment.anchors import Numbers, check_finite, checked
from stacking.alignment.config import AlignConfig
from stacking.alignment.maps import FLAT, check_names, index_of
from stacking.alignment.patients import Patients
from workspace.arrays import Floats, Ints
from workspace.lazy import LazyModule

special = LazyModule("scipy.special")

LOGITS = "logits"  # how messages call them
LEAST = 1e-12  # a probability nearer to 0 or 1 has the log odds of this one, 27.6
SIDES: tuple[Literal["left", "right"], ...] = ("left", "right")


@dataclass(frozen=True, eq=False)
class Scalars:
    """What the anchors say of each fold's logits."""

    folds: Ints  # (folds,)
    mean: Floats  # (folds,)
    spread: Floats  # (folds,), ddof 1; 0 where the anchors are all alike
    anchors: Floats  # (folds, anchors), sorted

    def columns(self, fold: int, logits: Numbers, patients: Patients) -> Floats:
        """(rows, 6) in the order of `names.SCALARS`, of rows that this fold's network scored.

        Alone: ratio 1, difference 0, rank within the patient 1/2, as the features have it. Anchors
        all alike: the standardised logit is 0. A ratio of 0 to 0 is NaN.
        """
        at = index_of(fold, self.folds, "scale of logits")
        check_finite(logits, LOGITS, fold)
        value = np.asarray(logits, np.float64)
        probability = special.expit(value)
        standard = np.zeros(len(value))
        if self.spread[at] > 0:
            standard = (value - self.mean[at]) / self.spread[at]
        with np.errstate(divide="ignore", invalid="ignore"):  # 0/0 is NaN on purpose
            ratio = probability / patients.means(probability)
        return np.stack(
            [
                probability,
                standard,
                self._rank(at, value),
                ratio,
                standard - patients.means(standard),
                patients.ranks(value),
            ],
            axis=1,
        )

    def _rank(self, at: int, value: Floats) -> Floats:
        """The share of anchors below, and half of those that are equal."""
        below, up_to = (np.searchsorted(self.anchors[at], value, side) for side in SIDES)
        return np.asarray((below + up_to) / (2 * self.anchors.shape[1]), np.float64)

    def tensors(self) -> dict[str, NDArray[Any]]:
        """Named arrays that say everything, for a safetensors file."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, NDArray[Any]]) -> "Scalars":
        """What `tensors` gave, to the bit."""
        check_names(tensors, cls.__dataclass_fields__, "scales of logits")
        return cls(**tensors)


def fit_scalars(logits: Mapping[int, Numbers], config: AlignConfig) -> Scalars:
    """From the logits (anchors,) that each fold's network gives the same anchors."""
    by_fold = checked(logits, config, LOGITS)
    anchors = np.sort(np.stack(list(by_fold.values())), axis=1)  # so no order of rows matters
    mean, spread = anchors.mean(axis=1), anchors.std(axis=1, ddof=1)
    alike = ~(spread > FLAT * np.abs(mean))  # noise of floats, as for the features
    return Scalars(np.array(list(by_fold), np.int64), mean, np.where(alike, 0.0, spread), anchors)


def log_odds(probability: Numbers) -> Floats:
    """Logits of kept probabilities; 0 and 1, which rounding makes, have finite ones."""
    clipped = np.clip(np.asarray(probability, np.float64), LEAST, 1 - LEAST)
    return np.asarray(special.logit(clipped), np.float64)
