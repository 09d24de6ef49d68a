"""The score sheet: everything one set of scores can be asked, each number with its interval.

Pure: arrays in, a JSON-able dict out. `make score` prints it; later stages keep it.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, TypedDict

import numpy as np
import polars as pl
from numpy.typing import ArrayLike
from pydantic import BaseModel, ConfigDict, Field

from metrics.bootstrap import BootstrapConfig, Interval, IntervalSheet, intervals
from metrics.calibration import ReliabilityBin, calibration_tally, reliability
from metrics.cohort import Cohort, Unit, cohort
from metrics.delong import DeLongSheet, delong_auc
from metrics.inputs import Scored, both_classes, checked
from metrics.pauc import MIN_TPR
from metrics.ranking import ranking_tally
from metrics.retrieval import TOP, retrieval_tally
from metrics.subgroups import Subgroup, subgroup_table
from metrics.support import FEWEST, NO_INTERVAL
from metrics.tally import Tally
from workspace.choices import Seeds
from workspace.progress import Show


class ScoreConfig(BaseModel):
    """The recipe's `[score]` section."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    min_tpr: float = Field(default=MIN_TPR, ge=0, lt=1)
    top_k: int = Field(default=TOP, ge=1)
    bins: int = Field(default=15, ge=2, le=1000)
    bins_by: Literal["width", "mass"] = "mass"  # by width, nearly all of a rare disease is in one
    replicates: int = Field(default=1000, ge=100, le=100_000)
    seeds: Seeds = (0, 1, 2)
    level: float = Field(default=0.95, gt=0.5, lt=1)

    def bootstrap(self) -> BootstrapConfig:
        return BootstrapConfig(replicates=self.replicates, seeds=self.seeds, level=self.level)


class Ties(TypedDict):
    """How many scores are shared."""

    distinct: int
    tied_rows: int
    largest: int
    largest_at: float


class Reliability(TypedDict):
    """Stated against observed, bin by bin."""

    bins: int
    bins_by: Literal["width", "mass"]
    points: list[ReliabilityBin]


class ScoreSheet(TypedDict):
    """What `score_sheet` makes and score.json keeps."""

    n: int
    positives: int
    patients: int | None  # None where nobody said whose the rows are
    patients_with_positive: int | None
    unit: Unit
    min_tpr: float
    metrics: dict[str, IntervalSheet]
    delong_auc: DeLongSheet | None
    reliability: Reliability | None  # None where scores are no probabilities
    ties: Ties
    subgroups: list[Subgroup]
    notes: list[str]


def score_sheet(
    target: ArrayLike,
    score: ArrayLike,
    patient: Sequence[str] | pl.Series | None = None,
    subgroups: Mapping[str, pl.Series] | None = None,
    config: ScoreConfig | None = None,
    show: Show | None = None,
) -> ScoreSheet:
    """All metrics of one set of scores, joined by id before."""
    config = config or ScoreConfig()
    scored = both_classes(checked(target, score), "A score")
    whose = cohort(patient, scored.positive)
    by_tally = intervals(_tallies(scored, whose, config), whose, config.bootstrap(), show)
    return {
        "n": len(scored.positive),
        "positives": scored.n_positive,
        "patients": whose.size if whose.unit == "patient" else None,
        "patients_with_positive": int(whose.strata.sum()) if whose.unit == "patient" else None,
        "unit": whose.unit,
        "min_tpr": config.min_tpr,
        "metrics": {
            metric: interval.as_json()
            for by_metric in by_tally.values()
            for metric, interval in by_metric.items()
        },
        "delong_auc": delong_auc(target, score).as_json() if _has_two_of_each(scored) else None,
        "reliability": _reliability(scored, config),
        "ties": ties(scored),
        "subgroups": subgroup_table(
            scored.positive, scored.score, whose, subgroups or {}, config.bootstrap()
        ),
        "notes": _notes(scored, whose, by_tally["ranking"]["pauc"]),
    }


def ties(scored: Scored) -> Ties:
    """How many rows share their score with another, and the largest tie."""
    values, counts = np.unique(scored.score, return_counts=True)
    largest = float(values[counts.argmax()])
    return {
        "distinct": len(values),
        "tied_rows": int(counts[counts > 1].sum()),
        "largest": int(counts.max()),
        "largest_at": largest + 0.0,  # no minus before a zero
    }


def _tallies(scored: Scored, whose: Cohort, config: ScoreConfig) -> dict[str, Tally]:
    target, score = scored.positive, scored.score
    tallies = {"ranking": ranking_tally(target, score, whose, config.min_tpr)}
    if whose.unit == "patient":
        tallies["retrieval"] = retrieval_tally(target, score, whose, config.top_k)
    if _are_probabilities(scored):
        tallies["calibration"] = calibration_tally(
            target, score, whose, config.bins, config.bins_by
        )
    return tallies


def _reliability(scored: Scored, config: ScoreConfig) -> Reliability | None:
    if not _are_probabilities(scored):
        return None
    points = reliability(scored.positive, scored.score, config.bins, config.bins_by)
    return {"bins": config.bins, "bins_by": config.bins_by, "points": points}


def _notes(scored: Scored, whose: Cohort, pauc: Interval) -> list[str]:
    notes = []
    value, high = pauc.value, pauc.high
    if value is not None and high is not None and np.isclose(high, value, rtol=1e-9):
        notes.append(
            "Every resample has the same pAUC: these patients cannot tell how sure it is, and its "
            "interval is what half a patient more could change."
        )
    if whose.unit == "row":
        notes.append(
            "Nobody said which rows belong to one patient: rows were drawn again as if "
            "independent, so intervals are too narrow wherever patients have several lesions. Give "
            "the solution a patient_id column."
        )
    if whose.fewest < FEWEST:
        notes.append(f"{NO_INTERVAL} Here they are {whose.fewest}.")
    if not _are_probabilities(scored):
        notes.append(
            "Some scores lie outside 0 to 1: they rank all the same, but calibration is left out."
        )
    return notes


def _are_probabilities(scored: Scored) -> bool:
    return bool(scored.score.min() >= 0 and scored.score.max() <= 1)


def _has_two_of_each(scored: Scored) -> bool:
    return min(scored.n_positive, scored.n_negative) > 1
