"""Both ends of an interval, from what the resamples come to.

Nothing is said where too few patients stand behind a value, nor where all resamples agree on it: a
width of nothing would be a certainty that a few right answers cannot give.
"""

import math

import numpy as np

from metrics.rates import Rate
from metrics.support import FEWEST
from workspace.arrays import Floats
from workspace.lazy import LazyModule

special = LazyModule("scipy.special")

UNKNOWN = np.array([np.nan, np.nan])


def ends(sample: Floats, value: float, n: int, level: float) -> Floats:
    """Of resamples, (3, resamples): as they are, and with part of a patient more; else NaN.

    Percentiles further out than the level says: resampled values of n patients spread too little,
    by sqrt((n - 1) / n), with a spread that is itself uncertain, so Student's t instead of the
    normal (Hesterberg 2015, "expanded percentile interval").
    """
    _, low, high = sample[:, ~np.isnan(sample[0])]
    if np.isnan(value) or not len(low) or n < FEWEST or low.min() == high.max():
        return UNKNOWN
    reach = math.sqrt(n / (n - 1)) * special.stdtrit(n - 1, (1 + level) / 2)
    least, most = special.ndtr([-reach, reach])
    return np.array([np.quantile(low, least), np.quantile(high, most)])


def ends_of_share(value: float, n: int, level: float) -> Floats:
    """Of a share of 0 or 1, which no resample leaves: Wilson's, each patient one case.

    Lesions of one patient are alike, so patients are what there is to count.
    """
    if n < FEWEST:
        return UNKNOWN
    return np.array(Rate(n if value else 0, n).interval(level))
