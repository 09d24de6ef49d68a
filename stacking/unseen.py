"""Unseen rows (test set, holdout, new data: no fold holds them out), by every fold's boosters."""

from collections.abc import Callable, Mapping
from typing import Literal

import numpy as np
import polars as pl

from folds.schema import ID
from stacking.boosters.known import load_boosters
from stacking.calibration.kept import Calibrated
from stacking.fold import SCORE, USE, Use, probabilities
from stacking.matrix import Matrix
from stacking.oof import averaged
from workspace.arrays import Floats
from workspace.errors import ArtifactError, name_some
from workspace.units import Unit

FOLD_SPREAD = "fold_sd"


def score_unseen(
    matrix_of: Callable[[int], Matrix],
    folds: Mapping[int, Unit],
    how: Literal["probability", "rank"],
    threads: int | None = None,
    calibrated: Calibrated | None = None,
) -> pl.DataFrame:
    """(ID, score, fold_sd): the rows as each fold sees them through its boosters, averaged.

    And a probability, if calibrated.

    The matrix of each fold goes through the boosters that learnt from its like; averaging columns
    first would show them values they never saw the like of.
    """
    scores, rows = [], None
    for fold, unit in folds.items():
        matrix = matrix_of(fold)
        rows = matrix.rows if rows is None else rows
        scores.append(_scores(matrix, unit, threads))
    assert rows is not None
    alone = np.full(len(rows), np.nan)  # one fold differs from none
    spread = np.std(scores, axis=0, ddof=1) if len(scores) > 1 else alone
    table = rows.select(ID).with_columns(
        pl.Series(SCORE, averaged(scores, how)),
        pl.Series(FOLD_SPREAD, spread, dtype=pl.Float64).fill_nan(None),
    )
    return table if calibrated is None else calibrated.beside(table, scores)


def _scores(matrix: Matrix, unit: Unit, threads: int | None) -> Floats:
    """(rows,): the mean probability of a fold's boosters."""
    use: Use = unit.json(USE)
    if list(matrix.columns) != use["columns"]:
        other = set(matrix.columns) ^ set(use["columns"])
        raise ArtifactError(
            f"{unit.folder} was trained on other columns than those at hand "
            f"({name_some(sorted(other)) or 'another order'}); run 'make stack'."
        )
    models = load_boosters(unit, len(use["shifts"]), matrix.columns)
    each = probabilities(matrix.values, models, use, threads)
    return np.asarray(np.mean(each, axis=0), np.float64)
