"""Scores taken apart by column: exact tree SHAP of the boosters that held the rows out.

Log odds are a beginning and what each column adds to it, in the mean over a fold's boosters. A sum
over columns says what moved a score, and of no column that it is a cause.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict

import numpy as np
import polars as pl

from folds.schema import ID, TARGET
from stacking.boosters.booster import Booster, Explains, seeing
from stacking.category_codes import PREFIX, CategoryCodes, renumbered
from stacking.matrix import Matrix
from stacking.use import Use
from workspace.arrays import Bools, Floats, Floats32, Ints

FIFTHS = 5
LOW, HIGH = 0.1, 0.9  # between which four of five rows lie


@dataclass(frozen=True)
class Explained:
    """Rows in the order of `ids`: what they had in each column, what that added, and to what."""

    ids: tuple[str, ...]
    columns: tuple[str, ...]
    values: Floats32  # (rows, columns), codes as the feature table has them
    added: Floats  # (rows, columns): of the log odds
    beginning: Floats  # (rows,)

    @property
    def log_odds(self) -> Floats:
        """(rows,): the mean over the fold's boosters."""
        sums: Floats = self.beginning + self.added.sum(axis=1)
        return sums

    def some(self, keep: Bools) -> "Explained":
        """The rows to keep."""
        ids = tuple(name for name, one in zip(self.ids, keep, strict=True) if one)
        values, added = self.values[keep], self.added[keep]
        return Explained(ids, self.columns, values, added, self.beginning[keep])


class Fifth(TypedDict):
    """Rows whose values of a column lie beside one another: what these added."""

    n: int
    middle: float  # of its values
    mean: float
    low: float
    high: float


class ColumnSummary(TypedDict):
    """What a column adds; fifths from low values to high, one alone where values have no order."""

    column: str
    mean_size: float
    ordered: bool
    fifths: list[Fifth]
    missing: int


def explain(matrix: Matrix, models: Sequence[Booster], use: Use) -> Explained | None:
    """Rows of one fold by that fold's boosters; None where these cannot be taken apart."""
    known = matrix.values.copy()
    parts = []
    with renumbered(matrix.values, use["columns"], CategoryCodes(use["levels"])):
        for model, shift in zip(models, use["shifts"], strict=True):
            asked = seeing(model, matrix.patients)
            if not isinstance(asked, Explains):
                return None
            part = asked.explained(matrix.values)
            part[:, -1] += shift
            parts.append(part)
    mean = np.mean(parts, axis=0)
    return Explained(
        tuple(matrix.rows[ID]), tuple(use["columns"]), known, mean[:, :-1], mean[:, -1]
    )


def together(parts: Sequence[Explained]) -> Explained:
    """The folds' rows as one, by id."""
    ids = [name for part in parts for name in part.ids]
    order = np.argsort(np.array(ids), kind="stable")
    columns = parts[0].columns
    assert all(part.columns == columns for part in parts), "folds of one stack have its columns"
    return Explained(
        tuple(ids[at] for at in order),
        columns,
        np.concatenate([part.values for part in parts])[order],
        np.concatenate([part.added for part in parts])[order],
        np.concatenate([part.beginning for part in parts])[order],
    )


def some_rows(rows: pl.DataFrame, seed: int, at_most: int) -> pl.Series:
    """Ids to explain: positives first, then negatives drawn by the seed; in the order of ids."""
    table = rows.select(ID, TARGET).sort(ID)
    positive = table[TARGET].to_numpy() == 1
    order = np.random.default_rng(seed).permutation(len(table))
    chosen = order[np.argsort(~positive[order], kind="stable")][:at_most]
    return table[ID].gather(np.sort(chosen).tolist())


def summary(explained: Explained, most: int) -> list[ColumnSummary]:
    """The columns that move scores most, the greatest first; equal ones by name."""
    sizes = np.abs(explained.added).mean(axis=0)
    order = sorted(range(len(sizes)), key=lambda at: (-sizes[at], explained.columns[at]))
    return [_of_column(explained, at, float(sizes[at])) for at in order[:most]]


def _of_column(explained: Explained, at: int, size: float) -> ColumnSummary:
    name, values, added = explained.columns[at], explained.values[:, at], explained.added[:, at]
    there, ordered = ~np.isnan(values), not name.startswith(PREFIX)
    whose = _fifths(values[there], FIFTHS if ordered else 1)
    return {
        "column": name,
        "mean_size": size,
        "ordered": ordered,
        "fifths": [
            _fifth(values[there][whose == one], added[there][whose == one])
            for one in np.unique(whose)
        ],
        "missing": int(np.count_nonzero(~there)),
    }


def _fifths(values: Floats32, count: int) -> Ints:
    """(rows,): in which share of the rows each lies by its value; equal values lie together."""
    _, codes, counts = np.unique(values, return_inverse=True, return_counts=True)
    middle = np.cumsum(counts) - counts / 2
    shares = np.minimum(count * middle // max(len(values), 1), count - 1).astype(np.int64)
    of_rows: Ints = shares[codes]
    return of_rows


def _fifth(values: Floats32, added: Floats) -> Fifth:
    low, high = np.quantile(added, (LOW, HIGH))
    return {
        "n": len(added), "middle": float(np.median(values)), "mean": float(added.mean()),
        "low": float(low), "high": float(high),
    }  # fmt: skip
