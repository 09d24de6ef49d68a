"""What a suite's networks are worth on test rows: means over seeds, differences, flags, lessons.

An interval draws patients again and is widened by how far the seeds lie apart. Two experiments are
compared on the same rows, draws and seeds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from folds.sides import CLEAN, LEAKED, UNKNOWN
from metrics.bootstrap import IntervalSheet, difference, intervals
from metrics.classification import (
    classification_report,
    classification_tally,
    predicted_class,
)
from metrics.cohort import cohort
from metrics.one_vs_rest import one_vs_rest_tally
from metrics.operating import threshold_for_sensitivity
from metrics.rates import Rate
from metrics.score_sheet import ScoreConfig
from metrics.tally import Tally
from models.networks.measure import Patients, as_share, mean_tally, with_luck
from models.suite.config import METRICS, Lesson, Metric
from workspace.arrays import Bools, Floats, Ints

BySeed = Mapping[int, Floats]  # (rows, classes) of each seed's network
Verdict = Literal["holds", "the contrary holds", "not shown", "no interval"]
CANCER = "cancer"


@dataclass(frozen=True)
class Truth:
    """Rows of which one knows what they are: test rows, or validation rows."""

    codes: Ints
    classes: tuple[str, ...]
    patient: Patients
    melanoma: str
    cancers: tuple[str, ...]

    @property
    def is_cancer(self) -> Bools:
        cancer: Bools = np.isin(np.array(self.classes)[self.codes], self.cancers)
        return cancer

    @property
    def is_melanoma(self) -> Bools:
        melanoma: Bools = np.array(self.classes)[self.codes] == self.melanoma
        return melanoma

    def suspicion(self, probability: Floats) -> Floats:
        """(rows,): the probability that it is one of the cancers."""
        which = [at for at, name in enumerate(self.classes) if name in self.cancers]
        total: Floats = probability[:, which].sum(axis=1)
        return total

    def found(self, probability: Floats) -> Bools:
        """(rows,): called melanoma."""
        called: Bools = predicted_class(probability) == self.classes.index(self.melanoma)
        return called


def worth(truth: Truth, by_seed: BySeed, config: ScoreConfig) -> dict[str, Any]:
    """Each metric with its interval and by seed; the classes one by one, of all seeds together."""
    whose = cohort(truth.patient, truth.codes)
    each = [_tallies(truth, probability) for probability in by_seed.values()]
    means = {kind: mean_tally([one[kind] for one in each]) for kind in each[0]}
    by_metric = intervals(means, whose, config.bootstrap())
    metrics = {}
    for metric in METRICS:
        kind, name = _place(truth, metric)
        values = [one[kind].point()[name] for one in each]
        metrics[metric] = {
            **as_share(with_luck(by_metric[kind][name].as_json(), values, config.level)),
            "by_seed": [None if np.isnan(value) else value for value in values],
        }  # fmt: skip
    return {"n": len(truth.codes), "metrics": metrics, "per_class": _per_class(truth, by_seed)}


def held_against(
    truth: Truth, ours: BySeed, other: BySeed, metric: Metric, config: ScoreConfig
) -> IntervalSheet:
    """Ours minus the other, over the seeds that both have."""
    kind, name = _place(truth, metric)
    seeds = [seed for seed in ours if seed in other]
    whose = cohort(truth.patient, truth.codes)
    mine, theirs = (
        [_tallies(truth, several[seed])[kind] for seed in seeds] for several in (ours, other)
    )
    apart = difference(mean_tally(theirs), mean_tally(mine))
    minus = intervals({"minus": apart}, whose, config.bootstrap())["minus"][name]
    each = [a.point()[name] - b.point()[name] for a, b in zip(mine, theirs, strict=True)]
    return with_luck(minus.as_json(), each, config.level)


def verdict(lesson: Lesson, minus: IntervalSheet) -> Verdict:
    """Whether the difference has the sign that the lesson says, beyond chance and luck."""
    low, high = minus["low"], minus["high"]
    if low is None or high is None:
        return "no interval"
    if low <= 0 <= high:
        return "not shown"
    return "holds" if (low > 0) == (lesson.better == "higher") else "the contrary holds"


def flags(
    validation: Truth, test: Truth, scores: tuple[Floats, Floats], sensitivity: float
) -> dict[str, Any]:
    """At the threshold that finds so many of the validation's cancers: what it finds of the test's.

    `scores` are the suspicion of the validation's rows and of the test's.
    """
    threshold = threshold_for_sensitivity(validation.is_cancer, scores[0], sensitivity)
    flagged, cancer, melanoma = scores[1] >= threshold, test.is_cancer, test.is_melanoma
    return {
        "threshold": threshold,
        "sensitivity": _rate(flagged[cancer]),
        "melanoma_sensitivity": _rate(flagged[melanoma]),
        "specificity": _rate(~flagged[~cancer]),
    }


def either(validation: Truth, members: Sequence[tuple[Floats, Floats]]) -> tuple[Floats, Floats]:
    """One score of several members' suspicions for the rule that any of them flags.

    Each member's suspicion becomes the share of the validation's other rows below it, so that one
    threshold is the same specificity for all; any of them reaches it where the greatest does.
    """
    ranked = []
    for ours, theirs in members:
        others = np.sort(ours[~validation.is_cancer])
        ranked.append(tuple(np.searchsorted(others, s) / len(others) for s in (ours, theirs)))
    first, second = zip(*ranked, strict=True)
    return np.max(first, axis=0), np.max(second, axis=0)


def melanomas_found(truth: Truth, by_seed: BySeed, lesions: NDArray[Any]) -> dict[str, Any]:
    """Of melanomas whose lesion training has (`leaked`), has not (`clean`), or nobody knows.

    Those called so, means over the seeds; `lesions` (rows,) says which each row is.
    """
    sheet = {}
    for name in (LEAKED, CLEAN, UNKNOWN):
        rows = truth.is_melanoma & (lesions == name)
        found = [int(truth.found(probability)[rows].sum()) for probability in by_seed.values()]
        sheet[name] = {"k": float(np.mean(found)), "n": int(rows.sum()), "by_seed": found}
    return sheet


def _tallies(truth: Truth, probability: Floats) -> dict[str, Tally]:
    names = np.array(truth.classes)
    labels, calls = names[truth.codes].tolist(), names[predicted_class(probability)].tolist()
    whose = cohort(truth.patient, truth.codes)
    return {
        "calls": classification_tally(
            labels, calls, truth.classes, whose, groups={CANCER: truth.cancers}
        ),
        "ranking": one_vs_rest_tally(labels, probability, truth.classes, whose),
    }


def _place(truth: Truth, metric: Metric) -> tuple[str, str]:
    """In which tally a metric is, and under what name."""
    names = {"melanoma_recall": f"recall[{truth.melanoma}]"}
    return ("ranking" if metric == "macro_auc" else "calls"), names.get(metric, metric)


def _per_class(truth: Truth, by_seed: BySeed) -> list[dict[str, Any]]:
    """Of each class: rows, and the means over seeds of how many are called it, and rightly."""
    names = np.array(truth.classes)
    reports = [
        classification_report(
            names[truth.codes].tolist(), names[predicted_class(one)].tolist(), truth.classes
        )
        for one in by_seed.values()
    ]
    each = []
    for name in truth.classes:
        several = [report["per_class"][name] for report in reports]
        right = [one["recall"]["k"] for one in several]
        each.append({
            "class": name, "rows": several[0]["true"], "right": float(np.mean(right)),
            "called": float(np.mean([one["predicted"] for one in several])),
        })  # fmt: skip
    return each


def _rate(right: Bools) -> dict[str, Any]:
    return dict(Rate(int(right.sum()), len(right)).as_json())
