"""How many: lesions per patient, malignant ones per patient, patients per hospital.

Reads whole numbers and writes whole numbers, by integer arithmetic and stable sorts alone, so
that every machine deals the same hand: a hash over ids, patients and targets is asserted elsewhere.
"""

import numpy as np

from workspace.arrays import Ints

MOST_POSITIVES = 8  # malignant lesions of one patient; more would unbalance grouped folds
LESIONS_PER_POSITIVE = 4  # so that a malignant lesion always has others to differ from
POSITIVES_PER_100_PATIENTS = 152  # 393 malignant lesions in 259 patients in the real table


def lesions_per_patient(patients: int, rows: int) -> Ints:
    """A falling ladder that sums to `rows`: from a fifth-percentile handful to a heavy head.

    Weight (1 - x) / (x + c) at rank x: with c near 0.012 and the real numbers (1,042 patients,
    401,059 rows) the first holds about 9,000 and the last exactly one, as in the real table.
    """
    rank = np.arange(patients, dtype=np.int64)
    doubled = 2 * rank + 1  # twice the rank's middle
    weight = (2 * patients - doubled) * 1_000_000 // (1000 * doubled + 22 * patients + 2000)
    return 1 + apportion(rows - patients, weight)


def apportion(total: int, weight: Ints) -> Ints:
    """Share `total` out in proportion to `weight`, by largest remainder, the earlier first."""
    if weight.sum() == 0:
        weight = np.ones_like(weight)
    whole, remainder = np.divmod(weight * total, weight.sum())
    order = np.argsort(-remainder, kind="stable")
    whole[order[: total - int(whole.sum())]] += 1
    return whole


def room_for_positives(lesions: Ints) -> Ints:
    """The most malignant lesions that each patient may hold."""
    quarter = np.maximum(1, lesions // LESIONS_PER_POSITIVE)
    return np.minimum(MOST_POSITIVES, quarter)


def spread_positives(positives: int, lesions: Ints, key: Ints, rng: np.random.Generator) -> Ints:
    """Malignant lesions per patient; patients with the smaller `key` come first.

    About two in three positives go to a patient of their own, the others to places that are
    still free with those patients.
    """
    room = room_for_positives(lesions)
    order = np.argsort(key, kind="stable")
    wanted = max(1, positives * 100 // POSITIVES_PER_100_PATIENTS)
    enough = int(np.searchsorted(np.cumsum(room[order]), positives)) + 1
    chosen = order[: min(max(wanted, enough), positives)]
    counts = np.zeros_like(lesions)
    counts[chosen] = 1
    places = np.repeat(chosen, room[chosen] - 1)
    taken = rng.permutation(places)[: positives - int(counts.sum())]
    np.add.at(counts, taken, 1)
    return counts
