"""What stands beside every stack: a constant, the best column, and boosters of fewer columns.

A stack that does not beat them has learnt nothing worth its columns.
"""

from collections.abc import Sequence
from fnmatch import fnmatchcase

import numpy as np
import polars as pl

from folds.schema import ID, TARGET
from metrics.ranking import auc
from stacking.category_codes import PREFIX
from stacking.matrix import NEVER, Matrix
from stacking.use import FOLD
from workspace.arrays import Bools, Floats, Floats32

CONSTANT, BEST_COLUMN = "constant", "best_column"
# Patterns of columns; each is a stack of its own, of the same folds, seeds and sampling.
FEWER_COLUMNS = {
    "age_sex_site": ("meta_age_approx", "cat_sex", "cat_anatom_site_general"),
    "own_row_only": ("meta_*", "les_*", "cat_*"),  # nothing of the patient's other lesions
}


def fewer(columns: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The columns of each baseline that has some, but not all there are."""
    columns_of = {
        name: tuple(c for c in columns if any(fnmatchcase(c, pattern) for pattern in patterns))
        for name, patterns in FEWER_COLUMNS.items()
    }
    return {name: some for name, some in columns_of.items() if 0 < len(some) < len(columns)}


def naive(matrix: Matrix) -> tuple[pl.DataFrame, dict[str, str]]:
    """A constant, and out of fold the training rows' best column; and its name by fold."""
    folds = matrix.rows[FOLD].to_numpy()
    target = matrix.rows[TARGET].to_numpy().astype(np.float64)
    numeric = [n for n, name in enumerate(matrix.columns) if not name.startswith(PREFIX)]
    tables, chosen = [], {}
    for fold in sorted(set(folds.tolist()) - {NEVER}):
        training = folds != fold
        rows = matrix.rows.filter(pl.Series(~training)).select(ID, FOLD)
        rows = rows.with_columns(pl.lit(0.5).alias(CONSTANT))
        if not numeric:
            tables.append(rows)
            continue
        index, sign = _best(matrix.values, target, numeric, training)
        chosen[str(fold)] = ("-" if sign < 0 else "") + matrix.columns[index]
        column = sign * matrix.values[:, index].astype(np.float64)
        shares = _share_below(column[training], column[~training])
        tables.append(rows.with_columns(pl.Series(BEST_COLUMN, shares)))
    return pl.concat(tables).sort(ID), chosen


def _best(values: Floats32, target: Floats, indices: list[int], training: Bools) -> tuple[int, int]:
    """The column that orders the training rows best, and which way round."""
    gains = []
    for index in indices:
        column = values[training, index].astype(np.float64)
        gains.append(auc(target[training], _filled(column, column)) - 0.5)
    best = int(np.argmax(np.abs(gains)))
    return indices[best], 1 if gains[best] >= 0 else -1


def _filled(column: Floats, training: Floats) -> Floats:
    """Missing values in the middle of the training rows'."""
    middle = np.nanmedian(training) if not np.isnan(training).all() else 0.0
    return np.where(np.isnan(column), middle, column)


def _share_below(training: Floats, held: Floats) -> Floats:
    """Where each held-out value lies among the training rows': comparable over folds."""
    known = np.sort(_filled(training, training))
    filled = _filled(held, training)
    either = np.searchsorted(known, filled, "left") + np.searchsorted(known, filled, "right")
    return either / (2 * len(known))
