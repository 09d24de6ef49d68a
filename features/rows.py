"""The rows that features are made from, sorted by id, and what several of them need.

Whole patients only: a patient's features are made from all of the patient's rows that are here.
A row without a patient is a patient of its own.
"""

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from threading import Lock
from typing import TypeVar, cast

import numpy as np
import polars as pl

from features.columns import GROUPED_BY, Grouping, Kind
from features.formulas import FORMULAS
from features.groups import Groups, largest, z_scores
from folds.samples import select_features
from folds.schema import AGE, ID, PATIENT
from workspace.arrays import Floats, Ints

# What the feature table's Float32 cannot hold is no measurement: missing, like NaN and infinity.
LARGEST = float(np.finfo(np.float32).max)

Made = TypeVar("Made")


class Rows:
    """`columns` are the source columns that may be looked at; nothing else is reachable.

    `category_codes` are the words that codes stand for, in the order of the codes, as fitted.
    """

    def __init__(
        self,
        samples: pl.DataFrame,
        columns: Mapping[str, Kind],
        category_codes: Mapping[str, Sequence[str]],
    ) -> None:
        self.category_codes = category_codes
        keys = [name for name, kind in columns.items() if kind == "key"]
        numbers = [name for name, kind in columns.items() if kind == "number"]
        words = [name for name, kind in columns.items() if kind == "category"]
        select_features([*numbers, *words], samples)
        rows = samples.select(ID, *keys, *words, *numbers)
        rows = rows if rows[ID].is_sorted() else rows.sort(ID)
        self.frame = rows.with_columns(_measurement(rows[name]) for name in numbers)
        self._made: dict[Hashable, object] = {}
        self._making: dict[Hashable, Lock] = {}

    def __len__(self) -> int:
        return len(self.frame)

    def values(self, name: str) -> Floats:
        """A number of the table, or a formula of them, NaN where missing."""
        if name not in FORMULAS:
            return self.frame[name].to_numpy()
        family = FORMULAS[name].family
        values = self.once(("formulas", family), lambda: self._formulas(family))[name].to_numpy()
        known = np.isfinite(values)
        return values if known.all() else np.where(known, values, np.nan)

    def groups(self, over: Grouping) -> Groups:
        """The rows in groups, within patients."""
        return self.once(("groups", over), lambda: Groups(self._codes(GROUPED_BY[over])))

    def z(self, name: str, over: Grouping) -> Floats:
        """z-scores of a column within groups."""
        return z_scores(self.values(name), self.groups(over), scale=self.scale(name, over))

    def scale(self, name: str, over: Grouping) -> Floats | float:
        """How large a group's numbers are of whose difference the column comes, if it does."""
        if name not in FORMULAS or not FORMULAS[name].cancels:
            return 0.0
        inputs, groups = FORMULAS[name].inputs, self.groups(over)
        sizes = [self._largest(of, over, groups) for of in inputs]
        return np.asarray(np.max(sizes, axis=0), np.float64)

    def once(self, key: Hashable, make: Callable[[], Made]) -> Made:
        """What several columns come from is made for the first of them and kept for the others."""
        if key not in self._made:
            with self._making.setdefault(key, Lock()):
                if key not in self._made:
                    self._made[key] = make()
        return cast(Made, self._made[key])

    def points(self, names: Sequence[str], *, standardised: bool) -> Floats:
        """(rows, columns), in units of the patient's own spreads where `standardised`."""
        columns = [self.z(n, "patient") if standardised else self.values(n) for n in names]
        return np.stack(columns, axis=1)

    @property
    def visits(self) -> Groups:
        """The rows in groups of one age, within patients; no age is a group of its own."""
        return self.once("visit groups", lambda: Groups(self._within_patients(self._ages())))

    def _largest(self, name: str, over: Grouping, groups: Groups) -> Floats:
        return self.once(("largest", name, over), lambda: largest(self.values(name), groups))

    def _formulas(self, family: str) -> pl.DataFrame:
        """All of a family that the source has the columns for, at once: polars shares the work."""
        made = {
            name: formula.expression
            for name, formula in FORMULAS.items()
            if formula.family == family and set(formula.inputs) <= set(self.frame.columns)
        }
        return self.frame.lazy().select(**made).collect()

    def _codes(self, column: str | None) -> Ints:
        if column is not None:
            return self._within_patients(self._word_numbers(column, alone=False))
        if PATIENT not in self.frame.columns:
            return np.arange(len(self), dtype=np.int64)
        return _numbered(self._word_numbers(PATIENT, alone=True))

    def _within_patients(self, kind: Ints) -> Ints:
        patients = self.groups("patient").codes
        return _numbered(patients * (int(kind.max(initial=0)) + 1) + kind)

    def _ages(self) -> Ints:
        ages = self.values(AGE)
        return np.searchsorted(self.frame[AGE].unique().sort().to_numpy(), ages)  # NaN is last

    def _word_numbers(self, column: str, *, alone: bool) -> Ints:
        """Words as numbers; no word is a number of its own, one for each row where `alone`."""
        words = self.frame[column].cast(pl.String)
        known = words.drop_nulls().unique().sort()
        code = words.cast(pl.Enum(known)).to_physical().cast(pl.Int64)
        missing = np.arange(len(words)) if alone else np.zeros(len(words), np.int64)
        return np.where(words.is_null(), len(known) + missing, code.fill_null(0).to_numpy())


def _measurement(column: pl.Series) -> pl.Series:
    """Float64 in one piece with NaN for what is missing: as it is, if it is so already."""
    value = column.cast(pl.Float64).rechunk()
    ends = [float(end) for end in (value.min(), value.max()) if isinstance(end, float)]
    if value.null_count() or any(abs(end) > LARGEST for end in ends):
        within = pl.when(pl.col(value.name).abs() <= LARGEST).then(pl.col(value.name))
        value = value.to_frame().select(within.otherwise(math.nan)).to_series()
    return value.rechunk()


def _numbered(codes: Ints) -> Ints:
    """The same groups numbered from 0 without gaps."""
    highest = int(codes.max(initial=-1)) + 1
    if highest > 4 * len(codes) + 1000:  # too many for a table of them
        return np.unique(codes, return_inverse=True)[1].astype(np.int64)
    there = np.zeros(highest, np.int64)
    there[codes] = 1
    return (np.cumsum(there) - 1)[codes]
