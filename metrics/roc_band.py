"""How sure a ROC curve is: the sensitivity at each of some false positive rates, with an interval.

Pointwise, from drawing patients again: each rate's own interval, not a band that holds the whole
curve. Read from the counts that pAUC is read from, so a curve of 400,000 rows takes a second.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from metrics import curve
from metrics.bootstrap import BootstrapConfig, Interval, interval_of
from metrics.cohort import Cohort, positives_each
from metrics.curve import Curve
from metrics.inputs import both_classes, checked
from metrics.tally import Tally, tally_rows
from workspace.arrays import Floats

RATES = tuple((step / 40) ** 2 for step in range(40))  # closest where curves are steep; all below 1
ROUNDING = 1e-9  # of a row


def sensitivities_at(curves: Curve, rates: Sequence[float]) -> Floats:
    """(..., rates): the greatest sensitivity at each false positive rate; ties are a slope."""
    above = curves.n_negative[..., None] - curves.below - curves.tied
    flat = (part.reshape(-1, above.shape[-1]) for part in (above, curves.tied, curves.positives))
    room = np.multiply.outer(curves.n_negative, np.asarray(rates)).reshape(-1, len(rates))
    found = np.array([_reached(*one) for one in zip(*flat, room, strict=True)])
    with np.errstate(invalid="ignore", divide="ignore"):  # 0/0 is NaN on purpose
        return found.reshape(*curves.n_positive.shape, -1) / curves.n_positive[..., None]


def _reached(above: Floats, tied: Floats, positives: Floats, room: Floats) -> Floats:
    """(rates,): the positives that are passed, going down, before more than `room` negatives are.

    Each is passed once the negatives above it are; of those tied with it, as many as there is room
    for count for as large a part of it.
    """
    above, tied, positives = above[::-1], tied[::-1], positives[::-1]
    passed = np.r_[0.0, np.cumsum(positives)]
    last = np.searchsorted(above, room + ROUNDING, "right") - 1
    share = np.ones(len(room))
    np.divide(room - above[last], tied[last], out=share, where=tied[last] > 0)
    return np.where(last < 0, 0.0, passed[last] + np.clip(share, 0, 1) * positives[last])


def roc_tally(
    target: ArrayLike, score: ArrayLike, cohort: Cohort, rates: Sequence[float] = RATES
) -> Tally:
    """The sensitivity at each false positive rate as sums over patients, by the rate's text."""
    scored = both_classes(checked(target, score), "A ROC curve")
    column, width = curve.columns(scored)

    def values(sums: Floats) -> dict[str, Floats]:
        found = sensitivities_at(curve.from_sums(sums), rates)
        return {repr(rate): found[..., number] for number, rate in enumerate(rates)}

    tally = tally_rows(cohort, column, width, values)
    positives = positives_each(scored.positive, cohort)
    return replace(tally, margins=curve.margins(width, positives, tally.point()))


def roc_band(
    target: ArrayLike, score: ArrayLike, cohort: Cohort, config: BootstrapConfig
) -> dict[float, Interval]:
    """Rate by rate; one seed of draws is enough for a drawing."""
    config = config.model_copy(update={"seeds": config.seeds[:1]})
    found = interval_of(roc_tally(target, score, cohort), cohort, config)
    return {float(rate): interval for rate, interval in found.items()}
