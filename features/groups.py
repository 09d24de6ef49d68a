"""Statistics of groups of rows, of which a patient's lesions are the first example.

A group's values are always summed in the order of the sorted table and apart from all others, so
a result depends on neither the table's row order, nor the number of threads, nor who else is
there. NaN is missing: it stays NaN and leaves the others' values alone.
"""

from dataclasses import dataclass, field
from functools import cached_property
from threading import local
from typing import cast

import numpy as np
from numpy.typing import NDArray

from workspace.arrays import Floats, Ints

# A spread below this share of a group's magnitude is noise of floats, not a difference: tables are
# written with seven digits. Relative, so that no unit of measurement makes lesions alike.
NOISE = 1e-6
# Around a mean of zero there is no magnitude to compare with: what numbers below 1,000 leave where
# they cancel is below this, and no unit that is in use makes a lesion so small.
ZERO = 1e-12


@dataclass(frozen=True)
class Groups:
    """Rows in groups: `codes` (rows,) numbers each row's group from 0, without gaps."""

    codes: Ints
    _thread: local = field(default_factory=local, repr=False, compare=False)

    @cached_property
    def size(self) -> int:
        return int(self.codes.max(initial=-1)) + 1

    @cached_property
    def order(self) -> Ints:
        """Rows group by group, each group's in the order of the table."""
        small = self.size <= 2**16  # then numpy sorts by digits, many times faster
        return np.argsort(self.codes.astype(np.uint16) if small else self.codes, kind="stable")

    @property
    def scratch(self) -> tuple[Floats, Floats]:
        """Two arrays of (rows,) a thread, used again: fresh memory costs more than arithmetic."""
        if not hasattr(self._thread, "arrays"):
            self._thread.arrays = tuple(np.empty((2, len(self.codes))))
        return cast(tuple[Floats, Floats], self._thread.arrays)

    @cached_property
    def counts(self) -> Ints:
        """Rows of each group."""
        return np.bincount(self.codes, minlength=self.size).astype(np.int64)

    @cached_property
    def starts(self) -> Ints:
        """Where each group begins in `order`."""
        return np.cumsum(self.counts) - self.counts

    def rows(self, group: int) -> Ints:
        """The rows of one group."""
        span = slice(self.starts[group], self.starts[group] + self.counts[group])
        return self.order[span]

    @cached_property
    def ordered_codes(self) -> Ints:
        """Each row's group, group by group."""
        return self.codes[self.order]

    def spread_in_order(self, values: Floats, into: Floats) -> Floats:
        """(groups,) to (rows,) that lie group by group."""
        return np.take(values, self.ordered_codes, out=into, mode="clip")

    def sums(self, ordered: Floats) -> Floats:
        """(rows,) that lie group by group to (groups,)."""
        return np.add.reduceat(ordered, self.starts) if len(ordered) else np.zeros(0)

    def reduce(self, operation: np.ufunc, values: Floats) -> Floats:
        """(rows,) to (groups,), by a ufunc such as np.add."""
        if not len(values):
            return np.zeros(0)
        return np.asarray(operation.reduceat(values[self.order], self.starts), np.float64)

    def spread_out(self, values: Floats) -> Floats:
        """(groups,) to (rows,): each row gets its group's value."""
        return values[self.codes]


@dataclass(frozen=True)
class Moments:
    """Of each group: how many values, their mean and spread (ddof 1).

    `scale` is how large the numbers are of whose difference the values come, if they do.
    """

    count: Floats
    mean: Floats
    spread: Floats
    scale: Floats | float = 0.0

    @property
    def flat(self) -> NDArray[np.bool_]:
        """Groups whose values are all alike, one value being the plainest case."""
        noise = NOISE * np.maximum(np.abs(self.mean), self.scale)
        return np.asarray(~(self.spread > np.maximum(noise, ZERO)))

    @property
    def magnitude(self) -> Floats:
        """How large a group's values are."""
        return np.asarray(np.abs(self.mean) + self.spread, np.float64)


def moments(values: Floats, groups: Groups, scale: Floats | float = 0.0) -> Moments:
    """Two passes, so that a large mean does not drown a small spread."""
    return _centred(values, groups, scale)[1]


def largest(values: Floats, groups: Groups) -> Floats:
    """(groups,): the largest magnitude in each; 0 where nothing is known."""
    return groups.reduce(np.maximum, np.where(np.isfinite(values), np.abs(values), 0.0))


def z_scores(
    values: Floats,
    groups: Groups,
    kept_as: type[np.float32 | np.float64] = np.float64,
    scale: Floats | float = 0.0,
) -> Floats:
    """How many spreads above its group's mean; 0 where the group's values are all alike.

    `scale` (groups,) as of `Moments`.
    """
    off, of = _centred(values, groups, scale)
    with np.errstate(divide="ignore", invalid="ignore"):  # 0/0 is NaN on purpose
        scale = np.where(of.flat, 0.0, 1.0 / of.spread)
    np.multiply(off, groups.spread_in_order(scale, groups.scratch[1]), out=off)
    result = np.empty(len(values), kept_as)
    result[groups.order] = off
    return cast(Floats, result)


def _centred(values: Floats, groups: Groups, scale: Floats | float) -> tuple[Floats, Moments]:
    """The values less their group's mean, group by group and good until the next call."""
    ordered, off = groups.scratch
    np.take(values, groups.order, out=ordered, mode="clip")  # raise would buffer the result
    count, totals = groups.counts.astype(np.float64), groups.sums(ordered)
    holes = None
    if not np.isfinite(totals).all():
        holes = ~np.isfinite(ordered)
        ordered[holes] = 0.0
        count, totals = count - groups.sums(holes.astype(np.float64)), groups.sums(ordered)
    with np.errstate(divide="ignore", invalid="ignore"):  # 0/0 is NaN on purpose
        mean = totals / count
        np.subtract(ordered, groups.spread_in_order(mean, off), out=ordered)
        if holes is not None:
            ordered[holes] = 0.0
        np.multiply(ordered, ordered, out=off)
        spread = np.sqrt(groups.sums(off) / np.maximum(count - 1, 1))
    if holes is not None:
        ordered[holes] = np.nan
    return ordered, Moments(count, mean, spread, scale)


def ranks(values: Floats, groups: Groups) -> Floats:
    """Percentile rank within the group, ties shared: (rank - 1/2) / count, so 0.5 if alone."""
    if not len(values):
        return np.zeros(0)
    order = np.lexsort((values, groups.codes))  # NaN last within a group
    ordered, codes = values[order], groups.codes[order]
    first = np.r_[True, (ordered[1:] != ordered[:-1]) | (codes[1:] != codes[:-1])]
    run = np.cumsum(first) - 1
    begin = np.flatnonzero(first)
    end = np.r_[begin[1:], len(values)]
    place = 0.5 * (begin + end)[run] - groups.starts[codes]
    present = np.isfinite(values)
    count = groups.reduce(np.add, present.astype(np.float64))
    result = np.empty(len(values))
    with np.errstate(divide="ignore", invalid="ignore"):  # 0/0 is NaN on purpose
        result[order] = place / count[codes]
    return np.where(present, result, np.nan)
