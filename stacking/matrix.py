"""The matrix: one row an image, all columns of all sources, joined by id, assembled once.

Rows lie fold after fold, so that the training rows of a fold are two slices and never a copy.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

import numpy as np
import polars as pl
from numpy.typing import NDArray

from folds.schema import ID
from workspace.errors import ConfigError, DataError, listed, name_some

Values = NDArray[np.float32]
NEVER = -1  # the fold of rows that are always trained on
AT_ONCE = 64  # columns that are float64 on their way in


@dataclass(frozen=True)
class Source:
    """Some columns by id; `read` is called once, and what it returns is let go."""

    name: str
    columns: tuple[str, ...]
    read: Callable[[], pl.DataFrame]


@dataclass(frozen=True)
class Matrix:
    """`values` (rows, columns); `rows` has their ids and whatever else was known of them."""

    rows: pl.DataFrame
    columns: tuple[str, ...]
    values: Values

    def blocks(self, keep: NDArray[np.bool_]) -> list[Values]:
        """The rows to keep as views of whole runs, in order."""
        edges = np.flatnonzero(np.diff(np.r_[False, keep, False].astype(np.int8)))
        return [self.values[a:b] for a, b in zip(edges[::2], edges[1::2], strict=True)]

    def part(self, columns: Sequence[str]) -> "Matrix":
        """The same rows with these columns alone; a copy, unless they are all."""
        if tuple(columns) == self.columns:
            return self
        places = [self.columns.index(name) for name in columns]
        return Matrix(self.rows, tuple(columns), np.ascontiguousarray(self.values[:, places]))


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
        values[:, start : start + len(source.columns)] = _read(rows[ID], source)
        start += len(source.columns)
    return Matrix(rows, tuple(columns), values)


def _read(ids: pl.Series, source: Source) -> Values:
    frame = source.read().select(ID, *source.columns)
    if frame[ID].is_duplicated().any():
        repeated = frame.filter(frame[ID].is_duplicated())[ID].unique().sort().to_list()
        raise DataError(f"Rows of {source.name} with the same {ID}: {listed(repeated)}.")
    missing = ids.filter(~ids.is_in(frame[ID].implode())).to_list()
    if missing:
        raise DataError(f"{source.name} has no row for images: {listed(missing)}.")
    found = ids.to_frame(ID).join(frame, on=ID, how="left", maintain_order="left")
    values = np.empty((len(ids), len(source.columns)), dtype=np.float32)
    for start in range(0, len(source.columns), AT_ONCE):
        names = source.columns[start : start + AT_ONCE]
        part = found.select(pl.col(names).cast(pl.Float32)).to_numpy()
        values[:, start : start + len(names)] = part
    infinite = np.isinf(values).any(axis=0)
    if infinite.any():
        names = np.array(source.columns)[infinite].tolist()
        raise DataError(f"Infinite values in columns of {source.name}: {name_some(names)}.")
    return values


def kept(columns: Sequence[str], leave_out: Sequence[str]) -> list[str]:
    """The columns but those left out, by name or by pattern; a pattern must meet something."""
    idle = [p for p in leave_out if not any(fnmatchcase(name, p) for name in columns)]
    if idle:
        raise ConfigError(f"stack.leave_out names no column: {name_some(idle)}.")
    left = [n for n in columns if not any(fnmatchcase(n, pattern) for pattern in leave_out)]
    if not left:
        raise ConfigError("stack.leave_out leaves no column to learn from.")
    return left
