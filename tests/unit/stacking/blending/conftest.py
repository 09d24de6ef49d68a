"""Members by hand and members drawn: patients, three folds, scores on a scale of each fold."""

import numpy as np
import polars as pl
import pytest

from metrics.score_sheet import ScoreConfig
from stacking.blending.members import join_members

QUICK = ScoreConfig(replicates=100, seeds=(0,))


def table(ids, folds, scores):
    return pl.DataFrame(
        {"isic_id": ids, "fold": folds, "score": scores}, schema_overrides={"fold": pl.Int16}
    )


def by_hand(folds, target, **scores):
    """Rows r0, r1, ... of a patient each."""
    ids = [f"r{number}" for number in range(len(folds))]
    rows = pl.DataFrame(
        {
            "isic_id": ids,
            "fold": folds,
            "target": target,
            "group_id": [f"p{number}" for number in range(len(folds))],
        },
        schema_overrides={"fold": pl.Int16, "target": pl.Int8},
    )
    return rows, {name: table(ids, folds, values) for name, values in scores.items()}


def drawn(rows=900, seed=0, signal=(1.5, 1.0, 0.5), permuted=False):
    """Three members, `stack`, `tabular` and `images`, each knowing something of its own."""
    rng = np.random.default_rng(seed)
    patient = np.arange(rows) // 5
    fold = patient % 3
    target = (rng.random(rows) < 0.15).astype(int)
    scores = {
        name: 1 / (1 + np.exp(-(rng.normal(size=rows) + strength * target - fold)))
        for name, strength in zip(("stack", "tabular", "images"), signal, strict=True)
    }
    if permuted:
        target = rng.permutation(target)
    table, members = by_hand(fold, target, **scores)
    return table.with_columns(pl.Series("group_id", [f"p{n:04d}" for n in patient])), members


@pytest.fixture
def members():
    return join_members(*drawn())
