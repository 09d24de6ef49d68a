"""Whose rows they are: patients are drawn again in a bootstrap, since lesions of one are alike."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import ArrayLike

from workspace.arrays import Bools, Ints
from workspace.errors import DataError, listed

Unit = Literal["patient", "row"]


@dataclass(frozen=True)
class Cohort:
    """Each row's patient as a number, in the order of the ids, and each patient's stratum."""

    codes: Ints  # (rows,)
    strata: Ints  # (patients,)
    unit: Unit

    @property
    def size(self) -> int:
        """How many patients (or rows, where nobody said whose they are)."""
        return len(self.strata)

    @property
    def fewest(self) -> int:
        """Patients with a positive or those without, whichever are fewer: what limits precision.

        Where nobody lacks a positive (or nobody has one) all are of one kind, and all count.
        """
        without = int(np.count_nonzero(self.strata == 0))
        return min(without, self.size - without) or self.size


def cohort(patient: Sequence[str] | pl.Series | None, label: ArrayLike) -> Cohort:
    """Group rows by patient; a patient's stratum is the highest label among the rows.

    With a 0-or-1 target that is patient-has-a-positive. Without patients every row stands for
    itself: intervals are then too narrow wherever a patient has several rows, and `unit` says so.
    """
    labels = np.asarray(label).astype(np.int64)
    if patient is None:
        return Cohort(np.arange(len(labels)), labels, "row")
    ids = pl.Series(patient, dtype=pl.String)
    if len(ids) != len(labels):
        raise DataError(f"There are {len(ids)} patients for {len(labels)} rows; join by id first.")
    missing = ids.is_null() | (ids.str.strip_chars() == "")
    if missing.any():
        rows = missing.arg_true().to_list()
        raise DataError(
            f"{len(rows)} rows have no patient, the first at {listed(rows)}; a patient-level "
            "interval needs to know whose each row is."
        )
    codes = (ids.rank("dense") - 1).to_numpy().astype(np.int64)
    strata = np.zeros(int(codes.max(initial=-1)) + 1, dtype=np.int64)
    np.maximum.at(strata, codes, labels)
    return Cohort(codes, strata, "patient")


def subset(whole: Cohort, rows: Bools, label: ArrayLike) -> Cohort:
    """The cohort of some of the rows, its strata those of these rows alone."""
    patients, codes = np.unique(whole.codes[rows], return_inverse=True)
    strata = np.zeros(len(patients), dtype=np.int64)
    np.maximum.at(strata, codes, np.asarray(label)[rows].astype(np.int64))
    return Cohort(codes, strata, whole.unit)


def fewer(kind: Bools, cohort: Cohort) -> int:
    """Patients who have rows of a kind or those who have others, whichever are fewer, if any."""
    return min(len(np.unique(cohort.codes[rows])) for rows in (kind, ~kind) if rows.any())


def evenly(kind: Bools, cohort: Cohort) -> float:
    """As how many patients with equally many rows those with rows of a kind count, or with others.

    Kish's effective size, the lesser of the two: where one of twenty has half of the positives,
    they count as four.
    """
    each = [np.bincount(cohort.codes[rows]) for rows in (kind, ~kind) if rows.any()]
    return min(float(n.sum()) ** 2 / float(np.square(n.astype(np.float64)).sum()) for n in each)


def positives_each(positive: Bools, cohort: Cohort) -> float:
    """How many positives a patient with a positive has, in the mean."""
    return float(positive.sum() / len(np.unique(cohort.codes[positive])))
