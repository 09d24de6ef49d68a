"""What a stack is worth: its sheet, its folds, and by how much it beats each baseline."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from folds.schema import ID, TARGET
from metrics.across_folds import fold_table
from metrics.bootstrap import Interval, difference, intervals
from metrics.cohort import cohort
from metrics.ranking import ranking_tally
from metrics.score_sheet import ScoreConfig, score_sheet
from stacking.fold import FOLD, SCORE
from workspace.progress import Show


def measured(
    oof: pl.DataFrame,
    others: Mapping[str, pl.DataFrame],
    patient: str | None,
    subgroups: Mapping[str, pl.Series],
    config: ScoreConfig,
    show: Show | None = None,
) -> dict[str, Any]:
    """`stack`, `folds`, and `baselines` with the paired difference of the stack to each.

    `oof` has target, fold, score and the column that `patient` names; `others` have ID and score.
    """
    target, score = oof[TARGET].to_numpy(), oof[SCORE].to_numpy()
    ids = None if patient is None else oof[patient]
    whose, drawn = cohort(ids, target), config.bootstrap()
    ours = ranking_tally(target, score, whose, config.min_tpr)
    baselines = {}
    for name, other in others.items():
        scores = oof.select(ID).join(
            other, on=ID, how="left", validate="1:1", maintain_order="left"
        )[SCORE]
        theirs = ranking_tally(target, scores.to_numpy(), whose, config.min_tpr)
        both = {"metrics": theirs, "stack_minus_this": difference(theirs, ours)}
        found = intervals(both, whose, drawn)
        baselines[name] = {key: _json(found[key]) for key in both}
    return {
        "stack": score_sheet(target, score, ids, subgroups, config, show),
        "folds": fold_table(
            target, score, oof[FOLD].to_numpy(), whose, drawn, min_tpr=config.min_tpr
        ),
        "baselines": baselines,
    }


def _json(found: Mapping[str, Interval]) -> dict[str, Any]:
    return {name: interval.as_json() for name, interval in found.items()}
