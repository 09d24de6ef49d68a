"""What a threshold does: who is flagged, who is missed, and what that is worth.

A row is flagged when its score is at least the threshold. A ratio that is 0 of 0 is NaN.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, TypedDict

import numpy as np
from numpy.typing import ArrayLike

from metrics.cohort import Cohort, evenly, fewer
from metrics.inputs import Scored, checked, probabilities
from metrics.tally import Tally, tally_rows
from workspace.arrays import Floats, Ints
from workspace.errors import ConfigError, DataError

ROUNDING = 1e-9  # of a row: 0.95 of 20 rows is 19, whatever float64 makes of 0.95
# What a prevalence changes, whatever the score: of the rows, or as stated.
WITH_PREVALENCE = ("ppv", "npv", "f1", "flagged_per_1000", "biopsies_per_cancer")


class Counts(TypedDict):
    """The four cells of a threshold."""

    tp: int
    fp: int
    fn: int
    tn: int


class OperatingPoint(TypedDict):
    """What one threshold does; `values` by the names of `operating_values`, None if undefined."""

    threshold: float
    n: int
    positives: int
    counts: Counts
    values: dict[str, float | None]
    at_prevalence: dict[str, float | None] | None  # of WITH_PREVALENCE, and the prevalence


class DecisionPoint(TypedDict):
    """Net benefit from one threshold on."""

    threshold: float
    model: float | None
    treat_all: float | None
    treat_none: float


def threshold_for_sensitivity(target: ArrayLike, score: ArrayLike, at_least: float) -> float:
    """The highest observed score that flags at least this share of the positives.

    Choose it on one set and apply it to another: on the set it was chosen on, what it reaches is
    optimistic.
    """
    scored = checked(target, score)
    least = _rows(at_least, scored.n_positive, "positive", "sensitivity")
    return float(np.partition(scored.score[scored.positive], -least)[-least])


def threshold_for_specificity(target: ArrayLike, score: ArrayLike, at_least: float) -> float:
    """The lowest observed score below which lie at least this share of the negatives.

    Where no observed score does, the next number above the highest one: it flags nobody. Choose it
    on one set and apply it to another: on the set it was chosen on, what it reaches is optimistic.
    """
    scored = checked(target, score)
    least = _rows(at_least, scored.n_negative, "negative", "specificity")
    last_spared = np.partition(scored.score[~scored.positive], least - 1)[least - 1]
    above = scored.score[scored.score > last_spared]
    return float(above.min() if len(above) else np.nextafter(scored.score.max(), np.inf))


def at_threshold(
    target: ArrayLike, score: ArrayLike, threshold: float, prevalence: float | None = None
) -> OperatingPoint:
    """Counts and values at one threshold; None is a value that is undefined.

    `at_prevalence` (None unless one is stated) has the values that depend on how common the
    disease is, as they would be where it has that prevalence.
    """
    scored = checked(target, score)
    sums = np.bincount(_outcome(scored, threshold), minlength=4).astype(np.float64)
    counts = _counts(sums)
    stated: dict[str, float | None] | None = None
    if prevalence is not None:
        there = operating_values(*counts, prevalence=prevalence)
        shown = _shown({name: there[name] for name in WITH_PREVALENCE})
        stated = {"prevalence": float(prevalence), **shown}
    tp, fp, fn, tn = map(int, counts)
    return {
        "threshold": float(threshold),
        "n": len(scored.positive),
        "positives": scored.n_positive,
        "counts": {"tp": tp, "fp": fp, "fn": fn, "tn": tn},
        "values": _shown(operating_values(*counts)),
        "at_prevalence": stated,
    }


def operating_tally(
    target: ArrayLike,
    score: ArrayLike,
    threshold: float,
    cohort: Cohort,
    prevalence: float | None = None,
) -> Tally:
    """The operating values as sums over patients.

    A stated prevalence adds `ppv_at_prevalence` and so on to the values of the rows as they are.
    """
    if prevalence is not None:
        _refuse_prevalence(prevalence)

    def values(sums: Floats) -> dict[str, Floats]:
        counts = _counts(sums)
        each = operating_values(*counts)
        if prevalence is not None:
            there = operating_values(*counts, prevalence=prevalence)
            each |= {f"{name}_at_prevalence": there[name] for name in WITH_PREVALENCE}
        return each

    scored = checked(target, score)
    tally = tally_rows(cohort, _outcome(scored, threshold), 4, values)
    positive, negative, flagged, passed = (
        tally.patients_in(np.array(cells)) for cells in ([1, 3], [0, 2], [2, 3], [0, 1])
    )
    shares = {"sensitivity": positive, "specificity": negative, "f1": positive}
    shares |= {"ppv": flagged, "npv": passed}
    # What is called right hangs on who is ill: no predictive value is surer than that.
    mixed = fewer(scored.positive, cohort)
    mix = dict.fromkeys(WITH_PREVALENCE, evenly(scored.positive, cohort))
    behind = dict.fromkeys(tally.point(), positive) | {"specificity": negative, "f1": mixed}
    behind |= {"ppv": min(flagged, mixed), "npv": min(passed, mixed)}
    behind |= {"biopsies_per_cancer": behind["ppv"], "flagged_per_1000": min(flagged, passed)}
    return replace(tally, behind=behind, mix=mix, shares=shares)


def operating_values(
    tp: ArrayLike, fp: ArrayLike, fn: ArrayLike, tn: ArrayLike, prevalence: float | None = None
) -> dict[str, Floats]:
    """Sensitivity and its kin from counts, of one table or of many resamples at once.

    `biopsies_per_cancer` is how many are flagged for each true positive found, 1 / ppv; NaN where
    none is found. At a stated prevalence all but sensitivity and specificity are what these two
    make of it.
    """
    hits, spared = (np.asarray(count, np.float64) for count in (tp, tn))
    alarms, missed = (np.asarray(count, np.float64) for count in (fp, fn))
    if prevalence is not None:
        _refuse_prevalence(prevalence)
        positives, negatives = hits + missed, alarms + spared
        hits, missed = (prevalence * _ratio(count, positives) for count in (hits, missed))
        alarms, spared = ((1 - prevalence) * _ratio(count, negatives) for count in (alarms, spared))
    flagged, passed = hits + alarms, missed + spared
    return {
        "sensitivity": _ratio(hits, hits + missed),
        "specificity": _ratio(spared, spared + alarms),
        "ppv": _ratio(hits, flagged),
        "npv": _ratio(spared, passed),
        "f1": _ratio(2 * hits, 2 * hits + alarms + missed),
        "flagged_per_1000": 1000 * _ratio(flagged, flagged + passed),
        "biopsies_per_cancer": _ratio(flagged, hits),
    }


def net_benefit(
    target: ArrayLike,
    probability: ArrayLike,
    thresholds: Sequence[float],
    prevalence: float | None = None,
) -> list[DecisionPoint]:
    """A decision curve (Vickers and Elkin 2006): net benefit of the model, of all and of none.

    True positives less false ones, of all rows, where a false one weighs t / (1 - t): who flags
    from a risk of t on holds a miss to be (1 - t) / t times as bad as a needless biopsy. One entry
    a distinct threshold, lowest first. At a stated prevalence, as it would be there.
    """
    steps = _steps(thresholds)
    column, width = _between(probabilities(target, probability), steps)
    sums = np.bincount(column, minlength=width)[None].astype(np.float64)
    model, treat_all = (_shown(dict(enumerate(b[0]))) for b in _benefits(sums, steps, prevalence))
    return [
        {"threshold": float(t), "model": model[i], "treat_all": treat_all[i], "treat_none": 0.0}
        for i, t in enumerate(steps)
    ]


def decision_tally(
    target: ArrayLike,
    probability: ArrayLike,
    thresholds: Sequence[float],
    cohort: Cohort,
    prevalence: float | None = None,
) -> Tally:
    """The decision curve as sums over patients: `net_benefit[0.05]` and `treat_all[0.05]`, ..."""
    steps = _steps(thresholds)
    scored = probabilities(target, probability)
    column, width = _between(scored, steps)
    if prevalence is not None:
        _refuse_prevalence(prevalence)

    def values(sums: Floats) -> dict[str, Floats]:
        model, treat_all = _benefits(sums, steps, prevalence)
        return {
            f"{name}[{float(t)}]": benefit[:, number]
            for number, t in enumerate(steps)
            for name, benefit in (("net_benefit", model), ("treat_all", treat_all))
        }

    tally = tally_rows(cohort, column, width, values)
    if prevalence is not None:
        return tally
    return replace(tally, mix=dict.fromkeys(tally.point(), evenly(scored.positive, cohort)))


def _rows(share: float, n: int, kind: str, metric: str) -> int:
    """How many of n rows are at least this share of them."""
    if not 0 < share <= 1:
        raise ConfigError(f"The {metric} asked for is {share}; it must be above 0 and not above 1.")
    if not n:
        raise DataError(f"A threshold for {metric} needs a {kind}; there is none among the rows.")
    return max(1, math.ceil(share * n - ROUNDING))


def _outcome(scored: Scored, threshold: float) -> Ints:
    """0 for a true negative, 1 for a missed positive, 2 for a false alarm, 3 for one found."""
    if not math.isfinite(threshold):
        raise ConfigError(f"The threshold is {threshold}; it must be a finite number.")
    return 2 * (scored.score >= threshold) + scored.positive.astype(np.int64)


def _counts(sums: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """tp, fp, fn, tn from the sums over `_outcome`."""
    tn, fn, fp, tp = sums.T
    return tp, fp, fn, tn


def _steps(thresholds: Sequence[float]) -> Floats:
    """The distinct thresholds, lowest first."""
    steps = np.unique(np.asarray(thresholds, np.float64))
    outside = steps[~((steps > 0) & (steps < 1))]
    if len(outside) or not len(steps):
        raise ConfigError(
            "A decision curve needs thresholds above 0 and below 1; "
            + (f"found {float(outside[0])}." if len(outside) else "none is given.")
        )
    return steps


def _between(scored: Scored, steps: Floats) -> tuple[Ints, int]:
    """For each row a column: how many thresholds flag it, negatives even and positives odd."""
    flagging = np.searchsorted(steps, scored.score, "right")
    return 2 * flagging + scored.positive, 2 * (len(steps) + 1)


def _benefits(sums: Floats, steps: Floats, prevalence: float | None) -> tuple[Floats, Floats]:
    """Net benefit at each threshold, (resamples, thresholds): of the model, and of all."""
    flagged = [np.cumsum(sums[:, kind::2][:, ::-1], axis=1)[:, ::-1] for kind in (1, 0)]
    positives, negatives = (count[:, :1] for count in flagged)
    hits, alarms = _ratio(flagged[0], positives), _ratio(flagged[1], negatives)
    odds = steps / (1 - steps)
    if prevalence is None:
        n = positives + negatives
        gain, harm = _ratio(flagged[0], n)[:, 1:], _ratio(flagged[1], n)[:, 1:]
        return gain - harm * odds, _ratio(positives, n) - _ratio(negatives, n) * odds
    _refuse_prevalence(prevalence)
    model = hits[:, 1:] * prevalence - alarms[:, 1:] * (1 - prevalence) * odds
    return model, prevalence - np.ones_like(positives) * (1 - prevalence) * odds


def _refuse_prevalence(prevalence: float) -> None:
    if not 0 < prevalence < 1:
        raise ConfigError(f"The prevalence is {prevalence}; it must be above 0 and below 1.")


def _ratio(some: Floats, whole: Floats) -> Floats:
    """Some of the whole, NaN where the whole is nothing."""
    with np.errstate(invalid="ignore", divide="ignore"):  # 0/0 is NaN on purpose
        return np.where(whole > 0, some / whole, np.nan)


def _shown(values: Mapping[Any, Any]) -> dict[Any, float | None]:
    """As JSON has them: None where undefined."""
    plain = {name: float(np.ravel(value)[0]) for name, value in values.items()}
    return {name: None if math.isnan(value) else value for name, value in plain.items()}
