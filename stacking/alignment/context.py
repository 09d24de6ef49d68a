"""How far a lesion is from the patient's others in the mapped embedding.

All pairs of a patient are looked at, some rows at a time: nine thousand lesions of 768 columns take
seconds, and little more memory than their own columns. Every patient is worked on alone. A lone
lesion has NaN, which boosters take for missing.
"""

import numpy as np

from stacking.alignment.anchors import Numbers
from stacking.alignment.patients import Patients
from workspace.arrays import Floats, Floats32

PAIRS = 2**22  # distances held at once: 16 MB


def distances(points: Floats32, patients: Patients, size: Numbers | None = None) -> Floats32:
    """(rows, 2 or 3) in the order of `names.CONTEXT`: nearest, mean, and to the largest lesion.

    `points` (rows, columns) are finite and of one fold's network. The largest is by `size` (rows,),
    the first of equals, itself at distance 0; NaN where no lesion of the patient has a size.
    """
    result = np.full((len(points), 2 if size is None else 3), np.nan, np.float32)
    for rows in patients.several():
        own = points[rows].astype(np.float64)
        own -= own.mean(axis=0)  # small numbers: float32 loses little in the products below
        result[rows, :2] = _to_others(own)
        if size is not None:
            result[rows, 2] = _to_largest(own, np.asarray(size, np.float64)[rows])
    return result


def _to_others(own: Floats) -> Floats:
    """(lesions, 2): the nearest other lesion's distance and the mean one."""
    count, single = len(own), own.astype(np.float32)
    squares = np.einsum("ij,ij->i", single, single)
    result = np.empty((count, 2))
    step = max(1, PAIRS // count)
    for start in range(0, count, step):
        rows = np.arange(start, min(start + step, count))
        here = np.arange(len(rows))
        pairs = single[rows] @ single.T  # |a|² + |b|² - 2ab, in place
        pairs *= -2.0
        pairs += squares
        pairs += squares[rows, None]
        pairs[here, rows] = np.inf
        # The difference of large squares finds the nearest; how near it is, is computed afresh.
        result[rows, 0] = _length(own[rows] - own[pairs.argmin(axis=1)])
        pairs[here, rows] = 0.0
        np.sqrt(np.maximum(pairs, 0.0, out=pairs), out=pairs)
        result[rows, 1] = pairs.sum(axis=1, dtype=np.float64) / (count - 1)
    return result


def _to_largest(own: Floats, size: Floats) -> Floats | float:
    known = np.isfinite(size)
    if not known.any():
        return float("nan")
    return _length(own - own[np.where(known, size, -np.inf).argmax()])


def _length(rows: Floats) -> Floats:
    return np.asarray(np.sqrt((rows * rows).sum(axis=1)), np.float64)
