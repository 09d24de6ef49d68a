"""What a stack is worth: its sheet, its folds, and by how much it beats each baseline."""

from collections.abc import Mapping
from typing import Any, TypedDict

import polars as pl

from folds.schema import ID, TARGET
from metrics.across_folds import fold_table
from metrics.bootstrap import Interval, IntervalSheet, difference, intervals
from metrics.cohort import cohort
from metrics.ranking import ranking_tally
from metrics.score_sheet import ScoreConfig, score_sheet
from stacking.use import FOLD, SCORE
from workspace.progress import Show


class BaselineSheet(TypedDict):
    """Of a baseline, by metric."""

    metrics: dict[str, IntervalSheet]
    stack_minus_this: dict[str, IntervalSheet]


class StackSheet(TypedDict):
    """What a stack is worth, ready for JSON."""

    stack: Mapping[str, Any]  # the score sheet of metrics
    folds: Mapping[str, Any]  # its table over folds
    baselines: dict[str, BaselineSheet]


def stack_sheet(
    oof: pl.DataFrame,
    others: Mapping[str, pl.DataFrame],
    patient: str | None,
    subgroups: Mapping[str, pl.Series],
    config: ScoreConfig,
    show: Show | None = None,
) -> StackSheet:
    """The stack's sheet, its folds, and the paired difference of the stack to each baseline.

    `oof` has target, fold, score and the column that `patient` names; `others` have ID and score.
    """
    target, score = oof[TARGET].to_numpy(), oof[SCORE].to_numpy()
    ids = None if patient is None else oof[patient]
    whose, drawn = cohort(ids, target), config.bootstrap()
    ours = ranking_tally(target, score, whose, config.min_tpr)
    baselines: dict[str, BaselineSheet] = {}
    for name, other in others.items():
        scores = oof.select(ID).join(
            other, on=ID, how="left", validate="1:1", maintain_order="left"
        )[SCORE]
        theirs = ranking_tally(target, scores.to_numpy(), whose, config.min_tpr)
        both = intervals({"own": theirs, "minus": difference(theirs, ours)}, whose, drawn)
        baselines[name] = {
            "metrics": interval_sheets(both["own"]),
            "stack_minus_this": interval_sheets(both["minus"]),
        }
    return {
        "stack": score_sheet(target, score, ids, subgroups, config, show),
        "folds": fold_table(
            target, score, oof[FOLD].to_numpy(), whose, drawn, min_tpr=config.min_tpr
        ),
        "baselines": baselines,
    }


def interval_sheets(by_metric: Mapping[str, Interval]) -> dict[str, IntervalSheet]:
    """Intervals as JSON has them."""
    return {name: interval.as_json() for name, interval in by_metric.items()}
