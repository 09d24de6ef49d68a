"""Both ends of an interval, from what the resamples come to.

Nothing is said where all resamples agree on a value: a width of nothing would be a certainty that a
few right answers cannot give.
"""

import math

import numpy as np

from metrics.rates import Rate
from workspace.arrays import Floats
from workspace.lazy import LazyModule

special = LazyModule("scipy.special")

LEAST_EVEN = 2.0  # Student's t needs a degree of freedom
UNKNOWN = np.array([np.nan, np.nan])


def ends(sample: Floats, value: float, n: float, level: float) -> Floats:
    """Of resamples, (3, resamples): as they are, and with part of a patient more; else NaN.

    Percentiles further out than the level says: resampled values of n patients spread too little,
    by sqrt((n - 1) / n), with a spread that is itself uncertain, so Student's t instead of the
    normal (Hesterberg 2015, "expanded percentile interval"). Patients with unequal numbers of rows
    may count as fewer than they are.
    """
    _, low, high = sample[:, ~np.isnan(sample[0])]
    if np.isnan(value) or not len(low) or low.min() == high.max():
        return UNKNOWN
    n = max(n, LEAST_EVEN)
    reach = math.sqrt(n / (n - 1)) * special.stdtrit(n - 1, (1 + level) / 2)
    least, most = special.ndtr([-reach, reach])
    return np.array([np.quantile(low, least), np.quantile(high, most)])


def ends_of_share(value: float, n: int, level: float) -> Floats:
    """Of a share of 0 or 1, which no resample leaves: Wilson's, each patient one case.

    Lesions of one patient are alike, so patients are what there is to count.
    """
    return np.array(Rate(n if value else 0, n).interval(level))
