import numpy as np
import polars as pl
import pytest

from stacking.alignment import context
from stacking.alignment.context import distances
from stacking.alignment.patients import Patients


def of(*names):
    return Patients.of(pl.Series(names, dtype=pl.String))


def slowly(points, patients, size):
    """Slow twin: row by row, lesion by lesion."""
    found = np.full((len(points), 3), np.nan)
    for row, whose in enumerate(patients):
        own = [at for at, who in enumerate(patients) if who == whose]
        if whose is None or len(own) == 1:
            continue
        far = {at: np.linalg.norm(points[row].astype(float) - points[at]) for at in own}
        others = [far[at] for at in own if at != row]
        found[row, :2] = min(others), np.mean(others)
        sized = [at for at in own if np.isfinite(size[at])]
        if sized:
            found[row, 2] = far[max(sized, key=lambda at: (size[at], -at))]
    return found


def test_by_hand():
    points = np.array([[0, 0], [3, 4], [0, 8], [9, 9]], np.float32)
    found = distances(points, of("a", "a", "a", "b"), np.array([1.0, 2.0, 2.0, 5.0]))
    # From (0, 0) it is 5 and 8, from (3, 4) it is 5 and 5; of two largest the first counts.
    assert found[:3] == pytest.approx(np.array([[5, 13 / 2, 5], [5, 5, 0], [5, 13 / 2, 5]]))
    assert np.isnan(found[3]).all()
    assert found.dtype == np.float32


@pytest.mark.parametrize("pairs", [2**22, 64])
def test_against_a_slow_twin_however_many_at_once(monkeypatch, pairs):
    monkeypatch.setattr(context, "PAIRS", pairs)
    rng = np.random.default_rng(0)
    points = (rng.normal(size=(150, 20)) + 50).astype(np.float32)
    points[7] = points[8]
    patients = [None if who == 9 else f"p{who}" for who in rng.integers(0, 10, 150)]
    patients[7] = patients[8] = "p1"
    size = np.where(rng.random(150) < 0.3, np.nan, rng.integers(1, 4, 150))
    found = distances(points, of(*patients), size)
    np.testing.assert_allclose(found, slowly(points, patients, size), rtol=1e-4, atol=1e-6)
    assert found[7, 0] == found[8, 0] == 0


def test_without_sizes_there_is_no_largest():
    points = np.eye(4, dtype=np.float32)
    assert distances(points, of(*"aaab")).shape == (4, 2)
    unknown = distances(points, of(*"aaab"), np.full(4, np.nan))
    assert np.isnan(unknown[:, 2]).all()
    assert np.isfinite(unknown[:3, :2]).all()


def test_alone_and_nobody_are_missing():
    found = distances(np.ones((4, 3), np.float32), of(None, None, "a", "b"), np.ones(4))
    assert np.isnan(found).all()


def test_nobody_else_matters_and_no_order_of_rows():
    rng = np.random.default_rng(1)
    points = rng.normal(size=(90, 6)).astype(np.float32)
    patients = np.array([f"p{who}" for who in rng.integers(0, 8, 90)])
    whole = distances(points, of(*patients))
    own = patients == "p3"
    np.testing.assert_array_equal(distances(points[own], of(*patients[own])), whole[own])
    order = rng.permutation(90)
    np.testing.assert_allclose(
        distances(points[order], of(*patients[order])), whole[order], rtol=1e-5
    )


def test_a_shift_of_the_whole_embedding_costs_no_digits():
    rng = np.random.default_rng(2)
    points = rng.integers(-3, 4, size=(40, 5)).astype(np.float32)
    here = distances(points, of(*["a"] * 40))
    np.testing.assert_allclose(distances(points + 4096, of(*["a"] * 40)), here, rtol=1e-5)


def test_no_more_pairs_are_held_than_said(monkeypatch):
    monkeypatch.setattr(context, "PAIRS", 1000)
    held = []
    maximum = np.maximum
    monkeypatch.setattr(
        context.np,
        "maximum",
        lambda a, *rest, **more: held.append(a.size) or maximum(a, *rest, **more),
    )
    distances(np.random.default_rng(0).normal(size=(95, 2)).astype(np.float32), of(*["a"] * 95))
    assert max(held) <= 1000
    assert sum(held) == 95 * 95
