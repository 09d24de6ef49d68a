"""What a metric is given: targets of 0 and 1 with finite scores, in float64, or one clear error."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from workspace.arrays import Bools, Floats
from workspace.errors import DataError, listed


@dataclass(frozen=True)
class Scored:
    """Rows that may be scored: who is positive, and the score of each, in the caller's order."""

    positive: Bools
    score: Floats

    @property
    def n_positive(self) -> int:
        return int(np.count_nonzero(self.positive))

    @property
    def n_negative(self) -> int:
        return len(self.positive) - self.n_positive

    @property
    def has_both(self) -> bool:
        """Whether there is something to rank."""
        return 0 < self.n_positive < len(self.positive)


def checked(target: ArrayLike, score: ArrayLike) -> Scored:
    """Refuse whatever has no score: other lengths, other targets, scores that are no number."""
    return Scored(*paired(as_positive(target), as_finite(score), "score"))


def both_classes(scored: Scored, metric: str) -> Scored:
    """The same rows, if they hold both classes; a ranking of one class means nothing."""
    if not scored.has_both:
        raise DataError(
            f"{metric} needs both classes; found {scored.n_positive} positives in "
            f"{len(scored.positive)} rows."
        )
    return scored


def probabilities(target: ArrayLike, probability: ArrayLike) -> Scored:
    """As `checked`, and every score a probability."""
    scored = checked(target, probability)
    outside = (scored.score < 0) | (scored.score > 1)
    if outside.any():
        raise DataError(
            f"Probabilities must lie from 0 to 1; found {np.count_nonzero(outside)} "
            f"values outside: {listed(scored.score[outside].tolist())}."
        )
    return scored


def as_positive(target: ArrayLike) -> Bools:
    """True where the target is 1; nothing but 0 and 1 is taken."""
    values = _column(target, "target")
    positive: Bools = values == 1
    other = ~(positive | (values == 0))
    if other.any():
        others = sorted({str(value) for value in values[other].tolist()})
        raise DataError(f"Target must be 0 or 1; found {listed(others)}.")
    return positive


def as_finite(score: ArrayLike, what: str = "score") -> Floats:
    """As float64: a float32 sigmoid has already merged what a metric should tell apart."""
    values = _column(score, what)
    bad = np.flatnonzero(~np.isfinite(values))
    if len(bad):
        raise DataError(
            f"{len(bad)} of {len(values)} {what}s are NaN or infinite, at rows "
            f"{listed(bad.tolist())}."
        )
    return values


def paired(first: Bools, second: Floats, what: str) -> tuple[Bools, Floats]:
    """Both, if they are equally long and not empty."""
    if len(first) != len(second):
        raise DataError(
            f"There are {len(first)} targets but {len(second)} {what}s; join them by id first."
        )
    if not len(first):
        raise DataError(f"There are no rows to compute a metric from: 0 targets, 0 {what}s.")
    return first, second


def _column(values: ArrayLike, what: str) -> Floats:
    try:
        column = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"The {what} column holds something that is not a number.") from error
    if column.ndim != 1:
        raise DataError(f"The {what} column must be one column; its shape is {column.shape}.")
    return column
