"""Distances between the lesions of one patient, and how lonely each lesion is among them.

All pairs of a patient are looked at, a block of rows at a time: nine thousand lesions need no more
memory than a hundred. Every patient is worked on alone.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from features.groups import Groups
from workspace.arrays import Floats, Ints
from workspace.lazy import LazyModule
from workspace.machine import lent_cores

spatial = LazyModule("scipy.spatial.distance")

BLOCK = 2**18  # distances held at once: 2 MB, which stay in a core's cache
NEIGHBOURS = 20  # scikit-learn's default for the local outlier factor
FEWEST = 3  # lesions that a local outlier factor needs
_TINY = 1e-10  # as scikit-learn: lesions on one point would be infinitely dense
MOST_THREADS = 8  # no number changes with them

Measure = Callable[[Floats], Floats]


def threads() -> int:
    """One for each core that this process may use, up to where Python's lock is the limit."""
    return min(MOST_THREADS, lent_cores())


def by_patient(
    points: Floats, patients: Groups, measure: Measure, width: int, fewest: int
) -> Floats:
    """(width, rows) of what `measure` makes of each patient's points, (n, d) to (width, n).

    Rows with a missing coordinate are left out: NaN for them, and the others do not see them.
    So are patients with fewer than `fewest` complete rows.
    """
    result = np.full((width, len(points)), np.nan)
    complete = np.asarray(np.isfinite(points).all(axis=1), np.bool_)

    def one(group: np.intp) -> None:
        rows = patients.rows(int(group))
        rows = rows[complete[rows]]
        if len(rows) >= fewest:
            result[:, rows] = measure(np.ascontiguousarray(points[rows]))

    several = np.flatnonzero(patients.counts >= fewest)
    with ThreadPoolExecutor(threads()) as pool:  # each patient fills places of its own
        for _ in pool.map(one, several):
            pass
    return result


def to_others(points: Floats, radius: float = 0.0) -> Floats:
    """(4, n): mean, least and greatest distance to the other points, and how many are in reach."""
    n = len(points)
    found = np.empty((4, n))
    for rows, distance in _blocks(points, "euclidean"):
        found[0, rows] = distance.sum(axis=1) / (n - 1)  # to itself it is exactly 0
        found[2, rows] = distance.max(axis=1)
        found[3, rows] = (distance <= radius).sum(axis=1) - 1
        _hide_itself(distance, rows)
        found[1, rows] = distance.min(axis=1)
    return found


def local_outlier_factor(points: Floats) -> Floats:
    """(1, n): how much sparser it is around a point than around its 20 nearest (Breunig 2000).

    About 1 within a cloud, above 1 outside of it; 20 or all others where there are fewer.
    """
    n = len(points)
    k = min(NEIGHBOURS, n - 1)
    nearest, distance = np.empty((n, k), np.int64), np.empty((n, k))
    for rows, squares in _blocks(points, "sqeuclidean"):
        _hide_itself(squares, rows)
        some = np.argpartition(squares, k - 1, axis=1)[:, :k]
        nearest[rows] = some
        distance[rows] = np.sqrt(np.take_along_axis(squares, some, axis=1))
    reach = np.maximum(distance, distance.max(axis=1)[nearest])
    density = 1.0 / (reach.mean(axis=1) + _TINY)
    factor = (density[nearest] / density[:, None]).mean(axis=1)
    return np.asarray(factor[None, :], np.float64)


def _blocks(points: Floats, metric: str) -> Iterator[tuple[Ints, Floats]]:
    """Some rows at a time, and their distances to all points."""
    n = len(points)
    step = max(1, BLOCK // n)
    for start in range(0, n, step):
        rows = np.arange(start, min(start + step, n))
        yield rows, spatial.cdist(points[rows], points, metric)


def _hide_itself(distance: Floats, rows: Ints) -> None:
    distance[np.arange(len(rows)), rows] = np.inf
