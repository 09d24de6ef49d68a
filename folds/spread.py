"""How the values of a column lie, class by class: quantiles, and counts between edges."""

from typing import TypedDict

import numpy as np

from workspace.arrays import Bools, Floats

BINS = 24
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


class Spread(TypedDict):
    """Quantiles of all values, and how many of either class lie between the edges."""

    n: int
    quantiles: list[float]  # at QUANTILES
    distinct: int
    edges: list[float]
    negatives: list[int]
    positives: list[int]


def spread(values: Floats, positive: Bools) -> Spread:
    """Of the values that are known; equal ones are one bin."""
    known = np.isfinite(values)
    some, high = values[known], positive[known]
    if not len(some):
        return {
            "n": 0, "quantiles": [], "distinct": 0, "edges": [], "negatives": [], "positives": [],
        }  # fmt: skip
    edges = np.histogram_bin_edges(some, BINS)
    return {
        "n": len(some),
        "quantiles": [float(q) for q in np.quantile(some, QUANTILES)],
        "distinct": len(np.unique(some)),
        "edges": edges.tolist(),
        "negatives": np.histogram(some[~high], edges)[0].tolist(),
        "positives": np.histogram(some[high], edges)[0].tolist(),
    }
