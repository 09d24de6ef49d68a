"""Rows outside the folds, scored by every fold's boosters: test set, holdout, any new data."""

from collections.abc import Callable, Mapping
from typing import Literal

import numpy as np
import polars as pl

from folds.schema import ID
from stacking import boosters
from stacking.fold import MODELS, SCORE, USE, scored
from stacking.matrix import Matrix
from stacking.oof import averaged
from workspace.errors import ArtifactError, name_some
from workspace.units import Unit

FOLD_SPREAD = "fold_sd"


def score_elsewhere(
    view: Callable[[int], Matrix],
    folds: Mapping[int, Unit],
    how: Literal["probability", "rank"],
) -> pl.DataFrame:
    """(ID, score, fold_sd): each fold's view of the rows through that fold's boosters, averaged.

    Each view goes through the boosters that learnt from such views; averaging columns first would
    show them values they never saw the like of.
    """
    parts, rows = [], None
    for fold, unit in folds.items():
        matrix = view(fold)
        rows = matrix.rows if rows is None else rows
        use = unit.json(USE)
        if list(matrix.columns) != use["columns"]:
            other = set(matrix.columns) ^ set(use["columns"])
            raise ArtifactError(
                f"{unit.folder} was trained on other columns than those at hand "
                f"({name_some(sorted(other)) or 'another order'}); run 'make stack'."
            )
        names = [MODELS.format(number) for number in range(len(use["shifts"]))]
        models = [boosters.load(unit, name, matrix.columns) for name in names]
        parts.append(np.mean(scored(matrix.values, models, use), axis=0))
    assert rows is not None
    alone = np.full(len(rows), np.nan)  # one fold differs from none
    spread = np.std(parts, axis=0, ddof=1) if len(parts) > 1 else alone
    return rows.select(ID).with_columns(
        pl.Series(SCORE, averaged(parts, how)),
        pl.Series(FOLD_SPREAD, spread, dtype=pl.Float64).fill_nan(None),
    )
