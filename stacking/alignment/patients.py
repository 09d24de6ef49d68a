"""Whose lesion a row is, and what a value is among those of the patient's other lesions.

A row without a patient is a patient of its own. Values are summed in the order of their size, so
no bit depends on the order of rows.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl

from workspace.arrays import Floats, Ints


@dataclass(frozen=True, eq=False)
class Patients:
    """`codes` (rows,) numbers each row's patient from 0, without gaps."""

    codes: Ints

    @classmethod
    def of(cls, ids: pl.Series) -> "Patients":
        """From the patient of each row, null where nobody is known."""
        row = np.arange(len(ids))
        known = ids.cast(pl.String).rank("dense").cast(pl.Int64).fill_null(0).to_numpy()
        apart = np.where(known > 0, known, len(ids) + 1 + row)
        return cls(np.unique(apart, return_inverse=True)[1].astype(np.int64))

    @cached_property
    def counts(self) -> Ints:
        """Lesions of each patient."""
        return np.bincount(self.codes).astype(np.int64)

    @cached_property
    def starts(self) -> Ints:
        """Where each patient begins when rows lie patient by patient."""
        return np.cumsum(self.counts) - self.counts

    def several(self) -> Iterator[Ints]:
        """The rows of each patient with more than one lesion."""
        order = np.argsort(self.codes, kind="stable")
        for start, count in zip(self.starts, self.counts, strict=True):
            if count > 1:
                yield order[start : start + count]

    def means(self, values: Floats) -> Floats:
        """(rows,): the mean over the row's patient."""
        if not len(values):
            return np.zeros(0)
        ordered = values[np.lexsort((values, self.codes))]
        return np.asarray((np.add.reduceat(ordered, self.starts) / self.counts)[self.codes])

    def ranks(self, values: Floats) -> Floats:
        """Percentile rank within the patient, ties shared: (rank - 1/2) / count, 0.5 if alone."""
        table = pl.DataFrame({"who": self.codes, "value": values})
        rank = pl.col("value").rank("average").over("who")
        return table.select((rank - 0.5) / pl.len().over("who")).to_series().to_numpy()
