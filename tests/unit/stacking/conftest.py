"""A small matrix with a signal, patients, folds, gaps and a category."""

import lightgbm as lgb
import numpy as np
import polars as pl
import pytest

from stacking.boosters.lightgbm import LightGBMBooster, LightGBMConfig
from stacking.config import StackConfig
from stacking.matrix import Matrix

QUICK = LightGBMConfig(rounds=20, min_data_in_leaf=5, learning_rate=0.1)
STACK = StackConfig(seeds=2, positive_ratio=0.2, negative_ratio=0.5, shap_rows=40)


def drawn(rows=600, seed=0):
    rng = np.random.default_rng(seed)
    patient = np.arange(rows) // 10
    target = (rng.random(rows) < 0.15).astype(int)
    fold = patient % 3
    signal = rng.normal(size=rows) + 1.5 * target
    values = np.stack(
        [
            signal,
            np.where(rng.random(rows) < 0.1, np.nan, rng.normal(size=rows) + 0.5 * target),
            rng.integers(0, 4, rows) + 0.0,
            rng.normal(size=rows),
        ],
        axis=1,
    ).astype(np.float32)
    order = np.lexsort((np.arange(rows), fold))
    table = pl.DataFrame(
        {
            "isic_id": [f"ISIC_{number:07d}" for number in order],
            "fold": fold[order].astype(np.int16),
            "target": target[order].astype(np.int8),
            "group_id": [f"IP_{number:07d}" for number in patient[order]],
        }
    )
    return Matrix(table, ("pz_signal", "les_gaps", "cat_site", "meta_noise"), values[order])


def model_of(text):
    """A model of its text, without a unit."""
    return LightGBMBooster(lgb.Booster(model_str=text))


@pytest.fixture
def matrix():
    return drawn()
