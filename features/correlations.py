"""Spearman's correlation of every two columns, on the rows that have both.

Ranks share ties. Columns without a gap are ranked once; where either has one, both are ranked
again on the rows in common, so that what is missing changes no rank.
"""

from collections.abc import Sequence

import numpy as np

from workspace.arrays import Floats
from workspace.lazy import LazyModule

stats = LazyModule("scipy.stats")

FEWEST = 3  # rows in common: with two every correlation is 1 or -1


def spearman(columns: Sequence[Floats]) -> Floats:
    """(columns, columns): NaN where a column is constant or too few rows have both."""
    whole = [bool(np.isfinite(one).all()) for one in columns]
    ranks = [_ranks(one) if full else one for one, full in zip(columns, whole, strict=True)]
    found = np.full((len(columns), len(columns)), np.nan)
    for i in range(len(columns)):
        for j in range(i, len(columns)):
            if whole[i] and whole[j]:
                found[i, j] = _correlation(ranks[i], ranks[j])
            else:
                both = np.isfinite(columns[i]) & np.isfinite(columns[j])
                found[i, j] = _correlation(_ranks(columns[i][both]), _ranks(columns[j][both]))
            found[j, i] = found[i, j]
    return found


def _ranks(values: Floats) -> Floats:
    return np.asarray(stats.rankdata(values), np.float64)


def _correlation(one: Floats, other: Floats) -> float:
    if len(one) < FEWEST:
        return float("nan")
    a, b = one - one.mean(), other - other.mean()
    size = float(np.sqrt((a @ a) * (b @ b)))
    return float(np.clip(a @ b / size, -1.0, 1.0)) if size > 0 else float("nan")
