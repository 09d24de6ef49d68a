"""Rank correlations against scipy's own, ties and gaps included."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from features.correlations import spearman

NAN = float("nan")


def test_order_alone_counts():
    found = spearman([np.array([1.0, 2, 3, 4]), np.array([1.0, 10, 100, 1000]),
                      np.array([4.0, 3, 2, 1])])  # fmt: skip
    assert found.tolist() == [[1, 1, -1], [1, 1, -1], [-1, -1, 1]]


def test_it_is_scipys_with_ties_and_on_the_rows_that_have_both():
    rng = np.random.default_rng(0)
    a = rng.integers(0, 5, 60).astype(float)
    b = a + rng.normal(size=60)
    holes = b.copy()
    holes[::3] = NAN
    found = spearman([a, b, holes])
    assert found[0, 1] == pytest.approx(spearmanr(a, b)[0])
    kept = np.isfinite(holes)
    assert found[0, 2] == pytest.approx(spearmanr(a[kept], holes[kept])[0])
    assert found[1, 2] == 1.0


def test_a_constant_column_or_two_rows_in_common_correlate_with_nothing():
    found = spearman([np.ones(4), np.arange(4.0), np.array([NAN, NAN, 1, 2])])
    assert np.isnan(found[0]).all()
    assert np.isnan(found[1, 2])
    assert found[1, 1] == 1.0
