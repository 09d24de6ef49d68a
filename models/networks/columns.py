"""What a network's probabilities are called as columns, and which of them speak of the target."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from workspace.arrays import Floats


def probability_columns(network: str, classes: Sequence[str]) -> list[str]:
    """`oof_<network>_<class>`; of two classes the second alone, the first is 1 minus it."""
    known = classes[1:] if len(classes) == 2 else classes
    return [f"oof_{network}_{''.join(c if c.isalnum() else '_' for c in one)}" for one in known]


def shares_of(columns: np.ndarray[Any, Any]) -> Floats:
    """(rows, classes) of probability columns; one alone is that of the second of two classes."""
    shares = columns.astype(np.float64)
    return np.hstack([1 - shares, shares]) if shares.shape[1] == 1 else shares


@dataclass(frozen=True)
class TargetColumns:
    """Columns whose sum is the probability of target 1, or of target 0."""

    columns: tuple[str, ...]
    of_zero: bool = False

    def of(self, table: pl.DataFrame) -> pl.Series:
        """(rows,): the probability of target 1; a sum of rounded numbers stays within 0 and 1."""
        if len(self.columns) == 1 and not self.of_zero:
            return table[self.columns[0]]
        lacking = table[self.columns[0]].is_null()
        total = table.select(pl.sum_horizontal(self.columns).clip(0, 1)).to_series()
        total = 1 - total if self.of_zero else total
        return total.set(lacking, None)


def target_columns(columns: Sequence[str], target: Sequence[int] | None) -> TargetColumns | None:
    """Out of one column a class, or one alone for the second of two; `target` as labels have it."""
    if target is None:
        return None
    if len(columns) == 1:
        return TargetColumns(tuple(columns), of_zero=tuple(target) == (0,))
    return TargetColumns(tuple(columns[code] for code in target))
