"""A metric as sums over patients, which is what makes a thousand resamples one matrix product.

A row adds its weights to some columns of its patient's line of a table. Drawing patients again
multiplies their lines by how often each was drawn, so the sums of a thousand resamples are
(draws x patients) @ (patients x columns), and a metric is a function of such sums.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse

from metrics.cohort import Cohort
from workspace.arrays import Floats, Ints

Values = Mapping[str, Floats]
ValuesOf = Callable[[Floats], Values]


@dataclass(frozen=True)
class Tally:
    """`table` (columns x patients), and what sums (resamples x columns) say: name -> values.

    `behind` says how many patients a value rests on, where that is not the cohort's `fewest`.
    `mix` names the values that change with how many patients have a positive, whatever the score:
    their resamples must not hold that fixed.
    """

    table: sparse.csr_array
    values: ValuesOf
    behind: Mapping[str, int] = field(default_factory=dict)
    mix: frozenset[str] = frozenset()

    def of(self, draws: Floats) -> Values:
        """The metrics of each resample; `draws` (resamples x patients) says who is in how often."""
        return self.values(np.ascontiguousarray((self.table @ draws.T).T))

    def patients_in(self, columns: Ints) -> int:
        """How many patients add anything to these columns."""
        return int(np.count_nonzero(np.abs(self.table[columns]).sum(axis=0)))

    def kinds(self, strata: Ints) -> tuple[Ints, Ints]:
        """One patient of each kind, and how many there are: of a stratum, and adding the same sums.

        Equal lines have equal products with random numbers; single rows are of a few kinds.
        """
        products = self.table.T @ np.random.default_rng(0).random(self.table.shape[0])
        pairs = np.stack([strata, products], axis=1)
        _, patients, counts = np.unique(pairs, axis=0, return_index=True, return_counts=True)
        return patients, counts

    def leaving_out(self, patients: Ints) -> Values:
        """The metrics without one patient, for each of these patients."""
        total = np.asarray(self.table.sum(axis=1)).ravel()
        return self.values(total - self.table[:, patients].toarray().T)

    def point(self) -> dict[str, float]:
        """The metrics of the rows as they are."""
        everyone = np.ones((1, self.table.shape[1]))
        return {name: float(value[0]) for name, value in self.of(everyone).items()}


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

    return Tally(sparse.vstack([tally.table for tally in tallies.values()]).tocsr(), combined)
