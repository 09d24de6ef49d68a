"""What answers are worth where the least certain are left to a person.

Certain is who lies far from the threshold, in log odds. How far is far enough is chosen on
validation rows, of which no label is asked; of the test rows another share may be kept.
"""

from dataclasses import replace

import numpy as np

from metrics.cohort import Cohort, evenly
from metrics.operating import operating_values
from metrics.tally import Tally, tally_rows
from workspace.arrays import Bools, Floats
from workspace.lazy import LazyModule

special = LazyModule("scipy.special")

CERTAIN = 1e-15  # as calibration holds probabilities away from 0 and 1
LEFT = 4  # the column of who gets no answer, behind the four outcomes


def certainty(probability: Floats, threshold: float) -> Floats:
    """(rows,): how far from the threshold, in log odds."""
    both = [np.clip(one, CERTAIN, 1 - CERTAIN) for one in (probability, np.float64(threshold))]
    far: Floats = np.abs(special.logit(both[0]) - special.logit(both[1]))
    return far


def least_certainty(validation: Floats, threshold: float, share: float) -> float:
    """From which certainty on this share of the validation rows is answered."""
    far = np.sort(certainty(validation, threshold))[::-1]
    return float(far[max(1, round(share * len(far))) - 1]) if share < 1 else 0.0


def abstention_tally(
    positive: Bools, probability: Floats, threshold: float, least: float, cohort: Cohort
) -> Tally:
    """The share that is answered, and of those the errors, sensitivity and specificity."""
    outcome = 2 * (probability >= threshold) + positive.astype(np.int64)
    answered = certainty(probability, threshold) >= least

    def values(sums: Floats) -> dict[str, Floats]:
        tn, fn, fp, tp, left = sums.T
        known = operating_values(tp, fp, fn, tn)
        some = tn + fn + fp + tp
        with np.errstate(invalid="ignore", divide="ignore"):  # 0/0 is NaN on purpose
            return {
                "kept": some / (some + left), "error": (fn + fp) / some,
                "sensitivity": known["sensitivity"], "specificity": known["specificity"],
            }  # fmt: skip

    tally = tally_rows(cohort, np.where(answered, outcome, LEFT), LEFT + 1, values)
    ill, well, all_kept = (
        tally.patients_in(np.array(cells)) for cells in ([1, 3], [0, 2], [0, 1, 2, 3])
    )
    behind = {"kept": cohort.size, "error": all_kept, "sensitivity": ill, "specificity": well}
    mix = dict.fromkeys(("kept", "error"), evenly(positive, cohort))
    return replace(tally, behind=behind, mix=mix, shares=behind)
