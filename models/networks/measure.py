"""What a network is worth on rows that were held out, and what one brings that another lacks.

Every rate has its n and an interval from drawing patients again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from metrics.bootstrap import IntervalSheet, difference, intervals
from metrics.classification import classification_report, classification_tally
from metrics.cohort import cohort
from metrics.one_vs_rest import one_vs_rest_tally
from metrics.ranking import ranking_tally
from metrics.score_sheet import ScoreConfig
from metrics.tally import Tally, Values, side_by_side
from models.networks.watch import watch_tally
from models.training.config import Watch
from workspace.arrays import Floats, Ints
from workspace.lazy import LazyModule

special = LazyModule("scipy.special")

Patients = Sequence[str] | pl.Series | None


def network_sheet(
    true: Ints,
    called: Ints,
    probability: Floats,
    classes: tuple[str, ...],
    patient: Patients,
    config: ScoreConfig,
) -> dict[str, Any]:
    """The report on rows that have a class: `true` and `called` are codes of the classes."""
    names = np.array(classes)
    labels, calls = names[true].tolist(), names[called].tolist()
    confusions = [(a, b) for a in classes for b in classes if a != b] if len(classes) > 2 else []
    whose = cohort(patient, true)
    tallies = {"calls": classification_tally(labels, calls, classes, whose, confusions=confusions)}
    if len(classes) == 2:
        tallies["ranking"] = ranking_tally(true == 1, probability[:, 1], whose)
    else:
        tallies["one_vs_rest"] = one_vs_rest_tally(labels, probability, classes, whose)
    metrics = intervals(tallies, whose, config.bootstrap())
    return {
        "patients": whose.size if whose.unit == "patient" else None,
        "unit": whose.unit,
        "report": classification_report(labels, calls, classes, confusions=confusions),
        "metrics": {k: v.as_json() for by in metrics.values() for k, v in by.items()},
    }


def against(
    true: Ints, ours: Floats, other: Floats, patient: Patients, config: ScoreConfig
) -> dict[str, Any]:
    """Another score of the same rows (target 1 or 0), and ours minus it, paired."""
    whose = cohort(patient, true)
    mine, theirs = (ranking_tally(true == 1, score, whose) for score in (ours, other))
    found = intervals(
        {"other": theirs, "minus": difference(theirs, mine)}, whose, config.bootstrap()
    )
    return {
        "metrics": {k: v.as_json() for k, v in found["other"].items()},
        "ours_minus_this": {k: v.as_json() for k, v in found["minus"].items()},
    }


@dataclass(frozen=True)
class ScoredRows:
    """Rows that a network never saw: their class, its probabilities, whose they are."""

    true: Ints
    probability: Floats
    patient: Patients


def variant_sheet(
    watch: Watch,
    whole: Sequence[ScoredRows],
    variant: Sequence[ScoredRows],
    classes: tuple[str, ...],
    config: ScoreConfig,
    metric: str = "",
) -> dict[str, Any]:
    """A variant's score and that minus the whole's: means over the same seeds and draws.

    `metric` is one that goes with what is watched; none named: that itself.
    """
    metric = metric or watch
    whose = cohort(whole[0].patient, whole[0].true)

    def tally(rows: ScoredRows) -> Tally:
        return watch_tally(watch, rows.true, rows.probability, classes, whose, config.min_tpr)

    first, second = (mean_tally([tally(rows) for rows in several]) for several in (whole, variant))
    found = intervals(
        {"value": second, "minus": difference(first, second)}, whose, config.bootstrap()
    )
    theirs, ours = (
        [float(tally(rows).point()[metric]) for rows in several] for several in (whole, variant)
    )
    each = [new - old for old, new in zip(theirs, ours, strict=True)]
    return {
        "value": as_share(with_luck(found["value"][metric].as_json(), ours, config.level)),
        "minus_whole": with_luck(found["minus"][metric].as_json(), each, config.level),
        "values": ours,
        "by_seed": each,
    }


def with_luck(interval: IntervalSheet, each: Sequence[float], level: float) -> IntervalSheet:
    """The patients' interval widened by how far the seeds lie apart; none from a single seed.

    Drawing patients again says nothing of the luck of a training.
    """
    value, low, high = interval["value"], interval["low"], interval["high"]
    if len(each) < 2 or value is None or low is None or high is None:
        return {**interval, "low": None, "high": None}
    luck = float(
        special.stdtrit(len(each) - 1, (1 + level) / 2) * np.std(each, ddof=1) / len(each) ** 0.5
    )
    return {
        **interval,
        "low": value - float(np.hypot(value - low, luck)),
        "high": value + float(np.hypot(high - value, luck)),
    }


def as_share(interval: IntervalSheet) -> IntervalSheet:
    """Its ends within 0 and 1, where the luck of few seeds would reach beyond."""
    low, high = interval["low"], interval["high"]
    if low is None or high is None:
        return interval
    return {**interval, "low": max(0.0, low), "high": min(1.0, high)}


def mean_tally(tallies: Sequence[Tally]) -> Tally:
    """The values averaged over the tallies, on the same draws."""

    def mean(values: Mapping[str, Values]) -> Values:
        several = list(values.values())
        return {name: np.mean([one[name] for one in several], axis=0) for name in several[0]}

    both = side_by_side({str(at): tally for at, tally in enumerate(tallies)}, mean)
    behind = {name: min(t.behind[name] for t in tallies) for name in tallies[0].behind}
    shares = {name: min(t.shares[name] for t in tallies) for name in tallies[0].shares}
    return replace(
        both, behind=behind, mix=tallies[0].mix, shares=shares, distances=tallies[0].distances
    )
