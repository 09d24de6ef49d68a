"""A metric as sums over patients, which is what makes a thousand resamples one matrix product.

A row adds its weights to some columns of its patient's line of a table. Drawing patients again
multiplies their lines by how often each was drawn, so the sums of a thousand resamples are
(draws x patients) @ (patients x columns), and a metric is a function of such sums.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from metrics.cohort import Cohort
from workspace.arrays import Floats, Ints
from workspace.lazy import LazyModule

if TYPE_CHECKING:
    from scipy.sparse import csr_array

sparse = LazyModule("scipy.sparse")

Values = Mapping[str, Floats]
ValuesOf = Callable[[Floats], Values]


@dataclass(frozen=True)
class Margins:
    """What one patient more would add to the sums: scored as badly, or as well, as can be.

    `of` names the values whose intervals reckon with `weight` of such a patient, half a one: as
    Jeffreys' interval of a share does with half a case. docs/LOG.md has the simulations.
    """

    worst: Floats  # (columns,)
    best: Floats
    of: frozenset[str]
    weight: float = 0.5


@dataclass(frozen=True)
class Kinds:
    """Patients of one stratum who add the same sums are of one kind."""

    of: Ints  # (patients,): the kind of each
    first: Ints  # (kinds,): a patient of each
    alike: Ints  # (kinds,): how many are of it


@dataclass(frozen=True)
class Tally:
    """`table` (columns x patients), and what sums (resamples x columns) say: name -> values.

    `behind` says how many patients a value rests on, where that is not the cohort's `fewest`.
    `mix` names the values that change with how many patients have a positive, whatever the score:
    their resamples must not hold that fixed. It says as how many equal patients those behind them
    count (`evenly`). `shares` names those from 0 to 1 that are at an end only where no patient is
    wrong, or none right, and says how many patients are each a case then.
    `distances` names those that are 0 at best and that luck keeps above it, in a resample more so.
    """

    table: "csr_array"
    values: ValuesOf
    behind: Mapping[str, int] = field(default_factory=dict)
    mix: Mapping[str, float] = field(default_factory=dict)
    margins: Margins | None = None
    shares: Mapping[str, int] = field(default_factory=dict)
    distances: frozenset[str] = frozenset()

    def of(self, draws: Floats) -> Values:
        """The metrics of each resample; `draws` (resamples x patients) says who is in how often."""
        return self.values(self._sums(draws))

    def between(self, draws: Floats) -> tuple[Values, Values, Values]:
        """The same, and between which values they would lie with part of a patient more."""
        sums = self._sums(draws)
        plain = self.values(sums)
        if self.margins is None:
            return plain, plain, plain
        more = self.margins
        low, high = (
            {**plain, **{name: _where(plain[name], moved[name]) for name in more.of}}
            for moved in (
                self.values(sums + more.weight * line) for line in (more.worst, more.best)
            )
        )
        return plain, low, high

    def patients_in(self, columns: Ints) -> int:
        """How many patients add anything to these columns."""
        return int(np.count_nonzero(np.abs(self.table[columns]).sum(axis=0)))

    def kinds(self, strata: Ints) -> Kinds:
        """Equal lines have equal products with random numbers; single rows are of a few kinds."""
        products = self.table.T @ np.random.default_rng(0).random(self.table.shape[0])
        order = np.lexsort((products, strata))
        new = np.r_[True, (np.diff(products[order]) != 0) | (np.diff(strata[order]) != 0)]
        kind = np.empty(len(order), dtype=np.int64)
        kind[order] = np.cumsum(new) - 1
        return Kinds(kind, order[new], np.bincount(kind))

    def of_kinds(self, kinds: Kinds) -> "Tally":
        """The tally whose resamples say how many of each kind there are."""
        return replace(self, table=self.table[:, kinds.first])

    def point(self) -> dict[str, float]:
        """The metrics of the rows as they are."""
        everyone = np.ones((1, self.table.shape[1]))
        return {name: float(value[0]) for name, value in self.of(everyone).items()}

    def _sums(self, draws: Floats) -> Floats:
        return np.ascontiguousarray((self.table @ draws.T).T)


def _where(known: Floats, values: Floats) -> Floats:
    """A patient more defines nothing that was undefined."""
    return np.where(np.isnan(known), np.nan, values)


def tally_rows(
    cohort: Cohort, column: Ints, width: int, values: ValuesOf, weight: Floats | None = None
) -> Tally:
    """Each row adds one (or its weight) to one column of its patient's line."""
    added = np.ones(len(column)) if weight is None else weight
    table = sparse.coo_array((added, (column, cohort.codes)), shape=(width, cohort.size))
    return Tally(table.tocsr(), values)


def tally_columns(cohort: Cohort, columns: Sequence[ArrayLike], values: ValuesOf) -> Tally:
    """Each row adds to all columns of its patient's line; `columns` are (rows,) each."""
    sums = [
        np.bincount(cohort.codes, weights=np.asarray(column, np.float64), minlength=cohort.size)
        for column in columns
    ]
    return Tally(sparse.csr_array(np.stack(sums)), values)


def side_by_side(
    tallies: Mapping[str, Tally], values: Callable[[Mapping[str, Values]], Values]
) -> Tally:
    """Several tallies of one cohort as one whose values are a function of all of theirs."""
    widths = [tally.table.shape[0] for tally in tallies.values()]
    ends = np.cumsum(widths)

    def combined(sums: Floats) -> Values:
        split = np.split(sums, ends[:-1], axis=-1)
        return values(
            {
                name: tally.values(own)
                for (name, tally), own in zip(tallies.items(), split, strict=True)
            }
        )

    table = sparse.vstack([tally.table for tally in tallies.values()]).tocsr()
    return Tally(table, combined, margins=_joined([t.margins for t in tallies.values()]))


def _joined(margins: Sequence[Margins | None]) -> Margins | None:
    """Of several tallies at once; none where one has none, for what is made of both."""
    known = [each for each in margins if each is not None]
    if len(known) < len(margins):
        return None
    return Margins(
        np.concatenate([each.worst for each in known]),
        np.concatenate([each.best for each in known]),
        frozenset.intersection(*(each.of for each in known)),
    )
