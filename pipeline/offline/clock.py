"""How long a call may take, what the folds' models cost, and which of them there is time for.

Knows nothing of networks: costs in seconds by fold go in, folds come out. A cost within a quarter
of another is taken for the same, or the noise of a clock would choose.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

ALIKE = 1.25  # costs closer than this are one
MARGIN = 1.1  # costs are estimates, and the time is a limit
RESERVE_S = 30.0  # to write the file, and to end


class OutOfTimeError(Exception):
    """What is next would end after the time is over."""


@dataclass(frozen=True)
class Clock:
    """Since `started`, by a clock that only goes on; None: without a limit."""

    started: float
    limit_s: float | None
    now: Callable[[], float] = field(default=time.monotonic)

    @property
    def spent_s(self) -> float:
        return self.now() - self.started

    @property
    def left_s(self) -> float:
        """What may still be used; endless without a limit."""
        if self.limit_s is None:
            return float("inf")
        return self.limit_s - RESERVE_S - self.spent_s

    def has_time_for(self, seconds: float) -> bool:
        return seconds * MARGIN <= self.left_s

    def check(self, seconds: float) -> None:
        """Raise where what takes so long would end too late."""
        if not self.has_time_for(seconds):
            raise OutOfTimeError


def quickest_first(costs: Mapping[int, float]) -> list[int]:
    """The folds, those alike by number: whoever has no time for all drops the last of them."""
    ordered: list[int] = []
    waiting = sorted(costs, key=lambda fold: (costs[fold], fold))
    while waiting:
        quickest = costs[waiting[0]]
        alike = sorted(fold for fold in waiting if costs[fold] <= quickest * ALIKE)
        ordered += alike
        waiting = [fold for fold in waiting if fold not in alike]
    return ordered


def with_time(
    folds: Sequence[int], cost_of: Callable[[Sequence[int]], float], clock: Clock
) -> tuple[int, ...]:
    """As many of these folds, from the first on, as end in time together."""
    count = 0
    while count < len(folds) and clock.has_time_for(cost_of(folds[: count + 1])):
        count += 1
    return tuple(folds[:count])


def dropped(folds: Sequence[int], chosen: Sequence[int]) -> list[int]:
    """The folds that there is no time for, lowest first."""
    return sorted(set(folds) - set(chosen))
