"""What the metrics are held against: the official computation, and plain loops over rows."""

import numpy as np
from sklearn.metrics import auc, roc_curve


def official_pauc(target, score, min_tpr=0.80):
    """As the competition's scorer does it: flip labels and scores, cut the curve at 1 - min_tpr."""
    fpr, tpr, _ = roc_curve(np.abs(np.asarray(target) - 1), -1.0 * np.asarray(score))
    most = abs(1 - min_tpr)
    stop = np.searchsorted(fpr, most, "right")
    if stop == len(fpr):
        return auc(fpr, tpr)
    cut = np.interp(most, fpr[stop - 1 : stop + 1], tpr[stop - 1 : stop + 1])
    return auc(np.append(fpr[:stop], most), np.append(tpr[:stop], cut))


def rows_drawn(cohort, counts):
    """The rows of one resample, written out: each patient's rows as often as drawn."""
    return np.repeat(np.arange(len(cohort.codes)), counts.astype(int)[cohort.codes])
