"""Unseen rows (test set, holdout, new data: no fold holds them out), by every fold's boosters."""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import numpy as np
import polars as pl

from folds.schema import ID
from stacking.boosters.known import load_boosters
from stacking.calibration.kept import Calibrated
from stacking.calibration.maps import log_odds
from stacking.matrix import Matrix
from stacking.oof import averaged
from stacking.use import SCORE, USE, Use, probabilities
from workspace.arrays import Floats
from workspace.errors import ArtifactError, name_some
from workspace.units import Unit

FOLD_SPREAD, ODDS_SPREAD = "fold_sd", "log_odds_sd"


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
        scores.append(fold_scores(matrix, unit, threads))
    assert rows is not None
    return averaged_views(rows, scores, how, calibrated)


def averaged_views(
    rows: pl.DataFrame,
    scores: Sequence[Floats],
    how: Literal["probability", "rank"],
    calibrated: Calibrated | None = None,
) -> pl.DataFrame:
    """(ID, score, fold_sd) of rows as one fold after the other scored them."""
    table = rows.select(ID).with_columns(
        pl.Series(SCORE, averaged(scores, how)), *spreads(np.stack(scores))
    )
    return table if calibrated is None else calibrated.beside(table, scores)


def spreads(each: Floats) -> list[pl.Series]:
    """How far the folds' views (folds, rows) of a row differ; null: one fold differs from none."""
    alone = np.full(each.shape[1], np.nan)
    many = len(each) > 1
    odds = log_odds(each)
    return [
        pl.Series(name, values.std(axis=0, ddof=1) if many else alone, dtype=pl.Float64).fill_nan(
            None
        )
        for name, values in ((FOLD_SPREAD, each), (ODDS_SPREAD, odds))
    ]


def fold_scores(matrix: Matrix, unit: Unit, threads: int | None = None) -> Floats:
    """(rows,): the mean probability of a fold's boosters."""
    use: Use = unit.json(USE)
    if list(matrix.columns) != use["columns"]:
        other = set(matrix.columns) ^ set(use["columns"])
        raise ArtifactError(
            f"{unit.folder} was trained on other columns than those at hand "
            f"({name_some(sorted(other)) or 'another order'}); run 'make stack'."
        )
    models = load_boosters(unit, len(use["shifts"]), matrix.columns)
    each = probabilities(matrix, models, use, threads)
    return np.asarray(np.mean(each, axis=0), np.float64)
