"""What a stage, and both together, are worth on rows that were held out.

Every rate has its n and an interval from drawing patients again. Beside ours stand the paper's
figures, which are claims: other pictures, and nobody has repeated them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.stats import t

from metrics.bootstrap import IntervalSheet, difference, intervals
from metrics.classification import classification_report, classification_tally, predicted_class
from metrics.cohort import Cohort, cohort
from metrics.ranking import ranking_tally
from metrics.score_sheet import ScoreConfig
from metrics.tally import Tally, Values, side_by_side
from models.training.config import Watch

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Patients = Sequence[str] | pl.Series | None
# Tables 7a and 7b: precision, recall, F1 and support of each class, then accuracy and its n.
CLAIMS: dict[str, dict[str, Any]] = {
    "stage1": {
        "source": "the two-stage paper, table 7a: a claim, not verified",
        "per_class": {
            "cancer": (0.9878, 0.9969, 0.9923, 324),
            "normal": (0.9989, 0.9957, 0.9973, 927),
        },
        "accuracy": (0.9960, 1251),
        "macro_f1": 0.9948,
    },
    "stage2": {
        "source": "the two-stage paper, table 7b: a claim, not verified",
        "per_class": {
            "bcc": (0.9070, 0.8387, 0.8715, 93),
            "mel": (0.9415, 0.9415, 0.9415, 171),
            "vasc": (0.7619, 0.9143, 0.8312, 35),
        },
        "accuracy": (0.9064, 299),
        "macro_f1": 0.8814,
    },
}


def stage_sheet(
    true: Ints,
    called: Ints,
    probability: Floats,
    classes: tuple[str, ...],
    patient: Patients,
    config: ScoreConfig,
) -> dict[str, Any]:
    """A stage's report on rows that have a class: `true`, `called` as places among the classes."""
    names = np.array(classes)
    labels, calls = names[true].tolist(), names[called].tolist()
    confusions = [(a, b) for a in classes for b in classes if a != b] if len(classes) > 2 else []
    whose = cohort(patient, true)
    tallies = {"calls": classification_tally(labels, calls, classes, whose, confusions=confusions)}
    if len(classes) == 2:
        tallies["ranking"] = ranking_tally(true == 1, probability[:, 1], whose)
    found = intervals(tallies, whose, config.bootstrap())
    return {
        "patients": whose.size if whose.unit == "patient" else None,
        "unit": whose.unit,
        "report": classification_report(labels, calls, classes, confusions=confusions),
        "metrics": {k: v.as_json() for by in found.values() for k, v in by.items()},
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


def cascade_calls(goes_on: NDArray[np.bool_], second: Floats) -> Ints:
    """(rows,): 0 where stage 1 lets a picture go, else 1 + the class that stage 2 calls."""
    return np.where(goes_on, 1 + predicted_class(second), 0)


def cascade_sheet(
    true: Ints, called: Ints, classes: tuple[str, ...], patient: Patients, config: ScoreConfig
) -> dict[str, Any]:
    """Both stages end to end: nobody is helped by a stage alone."""
    names = np.array(classes)
    labels, calls = names[true].tolist(), names[called].tolist()
    whose = cohort(patient, true)
    found = intervals(
        {"calls": classification_tally(labels, calls, classes, whose)}, whose, config.bootstrap()
    )
    return {
        "patients": whose.size if whose.unit == "patient" else None,
        "report": classification_report(labels, calls, classes),
        "metrics": {k: v.as_json() for k, v in found["calls"].items()},
    }


@dataclass(frozen=True)
class HeldOut:
    """Rows that a network never saw: their class, its probabilities, whose they are."""

    true: Ints
    probability: Floats
    patient: Patients


def shares_of(columns: NDArray[Any]) -> Floats:
    """(rows, classes) of probability columns; one alone is that of the second of two classes."""
    found = columns.astype(np.float64)
    return np.hstack([1 - found, found]) if found.shape[1] == 1 else found


def variant_sheet(
    watch: Watch,
    whole: Sequence[HeldOut],
    variant: Sequence[HeldOut],
    classes: tuple[str, ...],
    config: ScoreConfig,
    metric: str = "",
) -> dict[str, Any]:
    """A variant's score and that minus the whole's: means over the same seeds and draws.

    `metric` is one that goes with what is watched; none named: that itself.
    """
    metric = metric or watch
    whose = cohort(whole[0].patient, whole[0].true)
    first, second = (
        _mean([_tally(watch, rows, classes, whose, config) for rows in several])
        for several in (whole, variant)
    )
    found = intervals(
        {"value": second, "minus": difference(first, second)}, whose, config.bootstrap()
    )
    each = [
        float(_tally(watch, new, classes, whose, config).point()[metric])
        - float(_tally(watch, old, classes, whose, config).point()[metric])
        for old, new in zip(whole, variant, strict=True)
    ]
    return {
        "value": found["value"][metric].as_json(),
        "minus_whole": _with_luck(found["minus"][metric].as_json(), each, config.level),
        "by_seed": each,
    }


def _with_luck(interval: IntervalSheet, each: Sequence[float], level: float) -> IntervalSheet:
    """The patients' interval widened by how far the seeds lie apart; none from a single seed.

    Drawing patients again says nothing of the luck of a training.
    """
    value, low, high = interval["value"], interval["low"], interval["high"]
    if len(each) < 2 or value is None or low is None or high is None:
        return {**interval, "low": None, "high": None}
    luck = float(t.ppf((1 + level) / 2, len(each) - 1) * np.std(each, ddof=1) / len(each) ** 0.5)
    return {
        **interval,
        "low": value - float(np.hypot(value - low, luck)),
        "high": value + float(np.hypot(high - value, luck)),
    }


def _tally(
    watch: Watch, rows: HeldOut, classes: tuple[str, ...], whose: Cohort, config: ScoreConfig
) -> Tally:
    if watch == "auc":
        return ranking_tally(rows.true == 1, rows.probability[:, 1], whose, config.min_tpr)
    names = np.array(classes)
    called = names[predicted_class(rows.probability)].tolist()
    return classification_tally(names[rows.true].tolist(), called, classes, whose)


def _mean(tallies: Sequence[Tally]) -> Tally:
    """The values averaged over the tallies, on the same draws."""

    def mean(values: Mapping[str, Values]) -> Values:
        several = list(values.values())
        return {name: np.mean([one[name] for one in several], axis=0) for name in several[0]}

    both = side_by_side({str(at): tally for at, tally in enumerate(tallies)}, mean)
    behind = {name: min(t.behind[name] for t in tallies) for name in tallies[0].behind}
    return replace(both, behind=behind, mix=tallies[0].mix)
