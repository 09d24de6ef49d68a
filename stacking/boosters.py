"""LightGBM, the one place where it is called: bins once, trees by index, models as checked text."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from metrics.pauc import pauc_above_tpr
from stacking.config import BoosterConfig
from stacking.matrix import Values
from stacking.sampling import Indices
from workspace.errors import ArtifactError
from workspace.units import Unit

Floats = NDArray[np.float64]
PREDICT_AT_ONCE = 2**15  # rows
SMALL = 4_000_000  # cells


@dataclass(frozen=True)
class Binned:
    """The training rows of a fold, binned once; trees are grown on any of them by index."""

    data: lgb.Dataset
    config: BoosterConfig

    def training(self, seed: int) -> dict[str, Any]:
        """The parameters of a booster on some of these rows; the trees are the same in any case."""
        return {**self.config.training(seed), "num_threads": 1 if self.small else 0}

    @property
    def small(self) -> bool:
        """Better on one thread: others would only wait for each other, on a busy machine for ten
        times as long."""
        return bool(self.data.num_data() * self.data.num_feature() < SMALL)

    @property
    def side_by_side(self) -> int:
        """How many boosters to grow at a time."""
        return (os.cpu_count() or 1) if self.small else 1


def binned(
    blocks: Sequence[Values], target: Floats, columns: Sequence[str], config: BoosterConfig
) -> Binned:
    """Bin the rows of these blocks, of which no copy is made."""
    data = lgb.Dataset(
        [np.ascontiguousarray(block) for block in blocks],
        label=target,
        feature_name=list(columns),
        params=config.binning(),
        free_raw_data=True,
    )
    return Binned(data.construct(), config)


def grow(rows: Binned, places: Indices, seed: int, rounds: int) -> lgb.Booster:
    """A booster on the rows at these places (sorted, repeats allowed)."""
    return lgb.train(rows.training(seed), rows.data.subset(places.tolist()), rounds)


def best_rounds(
    rows: Binned, places: Indices, held: tuple[Values, Floats], seed: int, patience: int
) -> int:
    """How many rounds score best on inner held-out rows, which are none of those at `places`."""
    values, target = held
    data = rows.data.subset(places.tolist())
    watched = lgb.Dataset(values, label=target, reference=rows.data)

    def pauc(scores: Floats, _: lgb.Dataset) -> tuple[str, float, bool]:
        return "pauc", pauc_above_tpr(target, scores), True

    booster = lgb.train(
        rows.training(seed),
        data,
        rows.config.rounds,
        valid_sets=[watched],
        feval=pauc,
        callbacks=[lgb.early_stopping(patience, verbose=False)],
    )
    return booster.best_iteration or rows.config.rounds


def log_odds(booster: lgb.Booster, values: Values, threads: int = 0) -> Floats:
    """(rows,): the raw scores, in float64; on all threads by default."""
    parts = [
        np.asarray(
            booster.predict(
                values[start : start + PREDICT_AT_ONCE], raw_score=True, num_threads=threads
            )
        )
        for start in range(0, len(values), PREDICT_AT_ONCE)
    ]
    return np.concatenate(parts) if parts else np.zeros(0)


def contributions(booster: lgb.Booster, values: Values, threads: int) -> Floats:
    """(columns,): the mean absolute SHAP value of each column over some rows."""
    each = np.asarray(booster.predict(values, pred_contrib=True, num_threads=threads))
    means: Floats = np.abs(each[:, :-1]).mean(axis=0)
    return means


def gain(booster: lgb.Booster) -> Floats:
    """(columns,): the share of the loss that each column's splits took away."""
    gains = booster.feature_importance("gain").astype(np.float64)
    return gains / (gains.sum() or 1.0)


def as_text(booster: lgb.Booster) -> str:
    """The whole model."""
    return str(booster.model_to_string())


def load(unit: Unit, name: str, columns: Sequence[str]) -> lgb.Booster:
    """A model of a unit: its hash is checked before LightGBM sees a byte, then its columns.

    A damaged model ends the process where LightGBM reads it; nothing could catch that.
    """
    booster = lgb.Booster(model_str=unit.text(name))
    if booster.feature_name() != list(columns):
        raise ArtifactError(
            f"{unit.path(name)} was trained on other columns than those at hand; run "
            "'make stack FRESH=1'."
        )
    return booster
