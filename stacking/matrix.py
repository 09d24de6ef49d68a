"""The matrix: one row an image, all columns of all sources, joined by id, assembled once.

Rows lie fold after fold, so that the training rows of a fold are two slices and never a copy.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache, cached_property

import numpy as np
import polars as pl

from folds.groups import GROUP
from folds.schema import ID, PATIENT
from workspace.arrays import Bools, Floats32, Ints
from workspace.errors import ConfigError, DataError, listed, name_some

NEVER = -1  # the fold of rows that are always trained on
AT_ONCE = 64  # columns that are float64 on their way in


@dataclass(frozen=True)
class Source:
    """Some columns by id. `read` gives the id or some columns, always in the same order of rows."""

    name: str
    columns: tuple[str, ...]
    read: Callable[[Sequence[str]], pl.DataFrame]


def lazily(name: str, columns: Sequence[str], open_table: Callable[[], pl.LazyFrame]) -> Source:
    """A source that is opened when it is first read, and then read a few columns at a time."""
    table = cache(open_table)
    return Source(name, tuple(columns), lambda names: table().select(names).collect())


@dataclass(frozen=True)
class Matrix:
    """`values` (rows, columns); `rows` has their ids and whatever else was known of them."""

    rows: pl.DataFrame
    columns: tuple[str, ...]
    values: Floats32

    def blocks(self, keep: Bools) -> list[Floats32]:
        """The rows to keep as views of whole runs, in order."""
        edges = np.flatnonzero(np.diff(np.r_[False, keep, False].astype(np.int8)))
        return [self.values[a:b] for a, b in zip(edges[::2], edges[1::2], strict=True)]

    @cached_property
    def patients(self) -> Ints:
        """(rows,): whose each row is, by a number; a row of nobody is a patient of its own."""
        known = [name for name in (PATIENT, GROUP) if name in self.rows.columns]
        whose = pl.col(known[0]) if known else pl.lit(None, dtype=pl.String)
        table = self.rows.select(whose.alias("whose"), pl.when(whose.is_null()).then(ID))
        numbers: Ints = table.to_struct().rank("dense").to_numpy().astype(np.int64)
        return numbers

    def select(self, columns: Sequence[str]) -> "Matrix":
        """The same rows with these columns alone; a copy, unless they are all."""
        if tuple(columns) == self.columns:
            return self
        indices = [self.columns.index(name) for name in columns]
        return Matrix(self.rows, tuple(columns), np.ascontiguousarray(self.values[:, indices]))


def assemble(rows: pl.DataFrame, sources: Iterable[Source]) -> Matrix:
    """Fill a matrix for these rows, in their order, from sources that must know every id."""
    sources = list(sources)
    columns = [name for source in sources for name in source.columns]
    twice = sorted({name for name in columns if columns.count(name) > 1})
    if twice:
        raise ConfigError(f"Columns with the same name in two sources: {name_some(twice)}.")
    values = np.empty((len(rows), len(columns)), dtype=np.float32)
    start = 0
    for source in sources:
        _fill(values[:, start : start + len(source.columns)], rows[ID], source)
        start += len(source.columns)
    return Matrix(rows, tuple(columns), values)


def _fill(values: Floats32, ids: pl.Series, source: Source) -> None:
    """The source's columns for these ids, a few at a time, so that no copy of it is ever about."""
    known = source.read([ID])
    if known[ID].is_duplicated().any():
        repeated = known.filter(known[ID].is_duplicated())[ID].unique().sort().to_list()
        raise DataError(f"Rows of {source.name} with the same {ID}: {listed(repeated)}.")
    row = known.with_row_index("row")
    wanted = ids.to_frame(ID).join(row, on=ID, how="left", maintain_order="left")
    missing = wanted.filter(pl.col("row").is_null())[ID].to_list()
    if missing:
        raise DataError(f"{source.name} has no row for images: {listed(missing)}.")
    order = wanted["row"].to_numpy()
    for start in range(0, len(source.columns), AT_ONCE):
        names = list(source.columns[start : start + AT_ONCE])
        some = source.read(names).cast(pl.Float32).to_numpy()[order]
        infinite = np.isinf(some).any(axis=0)
        if infinite.any():
            strange = [name for name, bad in zip(names, infinite, strict=True) if bad]
            raise DataError(f"Infinite values in columns of {source.name}: {name_some(strange)}.")
        values[:, start : start + len(names)] = some


def left_out(name: str, patterns: Sequence[str]) -> bool:
    """Whether a column is meant by one of them."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def used_columns(columns: Sequence[str], leave_out: Sequence[str]) -> list[str]:
    """The columns but those left out, by name or by pattern; a pattern must meet something."""
    if not columns:
        raise ConfigError(
            "There is no column to learn from: no feature, and nothing that networks see."
        )
    idle = [p for p in leave_out if not any(fnmatchcase(name, p) for name in columns)]
    if idle:
        raise ConfigError(f"stack.leave_out names no column: {name_some(idle)}.")
    used = [name for name in columns if not left_out(name, leave_out)]
    if not used:
        raise ConfigError("stack.leave_out leaves no column to learn from.")
    return used
