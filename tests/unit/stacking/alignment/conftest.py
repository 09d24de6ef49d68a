"""Views of the same pictures by several networks, drawn from what the pictures truly show."""

import numpy as np
import pytest

from stacking.alignment.config import AlignConfig

METHODS = ("raw", "ridge", "procrustes", "relative")


def drawn(rows=400, width=12, folds=3, noise=0.05, seed=0):
    """Each fold turns, scales and moves one truth, and adds noise of its own."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=(rows, width)) * np.linspace(2, 0.5, width)
    views = {}
    for fold in range(folds):
        turn = np.linalg.qr(rng.normal(size=(width, width)))[0]
        seen = truth @ turn + noise * truth.std() * rng.normal(size=truth.shape)
        moved = seen * rng.uniform(0.2, 5) + rng.normal(size=width) * 3
        views[fold] = moved.astype(np.float32)
    return views


def config(method="ridge", **changes):
    return AlignConfig.model_validate({"method": method, "landmarks": 16, **changes})


@pytest.fixture
def views():
    return drawn()
