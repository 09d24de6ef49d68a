"""Who is flagged at a wanted sensitivity, where every row is the average of all folds' views.

Out of fold a row has one fold's view. Rows outside the folds are averages of all views: what chance
adds to a view is averaged away, so positives lie closer together and a threshold of single views
finds more of them than was wanted, with more alarms. How far views of one row differ is seen on
rows outside the folds without a label; the positives' views are drawn in by that much, and
averages of as many views as there are folds are drawn around them.
"""

from typing import NotRequired, TypedDict

import numpy as np
import polars as pl

from folds.schema import TARGET
from metrics.operating import threshold_for_sensitivity
from stacking.unseen import ODDS_SPREAD
from stacking.use import SCORE
from workspace.arrays import Floats
from workspace.lazy import LazyModule

special = LazyModule("scipy.special")

FILE = "threshold.json"
DRAWS = 400  # averages for each positive
LIKE_POSITIVES = 0.1  # quantile of the positives' scores from which on rows outside count
FEWEST = 20  # rows outside that say how far views differ
EDGE = 1e-12  # a score's distance from 0 and 1, as log odds take it


class ThresholdSheet(TypedDict):
    """Where to flag, so that so many positives are found."""

    sensitivity: float
    out_of_fold: float  # of one fold's view
    on_average: float | None  # of the average of all views; None: nothing says how far they differ
    views: int
    view_sd: float | None  # of one row's log odds over the folds
    view_sd_of_rows: int
    threshold_is: str
    flagged_by: NotRequired[str | None]  # the member whose scores these are; None: what ranks


def threshold_sheet(
    oof: pl.DataFrame,
    unseen: pl.DataFrame,
    views: int,
    sensitivity: float,
    *,
    alike: bool = True,
    flagged_by: str | None = None,
) -> ThresholdSheet:
    """`oof` has target and score, a view each; `unseen` score and spread of rows outside.

    `alike`: views are averaged as they are; not where their ranks are, which are another scale.
    `flagged_by` is the member whose scores they are, if they are not those that rank.
    """
    target, score = oof[TARGET].to_numpy(), oof[SCORE].to_numpy()
    positives, single = score[target == 1], threshold_for_sensitivity(target, score, sensitivity)
    spread, rows, averaged = None, 0, None
    if alike and views == 1:
        averaged = single
    elif alike:
        spread, rows = view_spread(positives, unseen)
        if spread is not None:
            averaged = on_average(positives, spread, views, sensitivity)
    return {
        "sensitivity": sensitivity,
        "out_of_fold": single,
        "on_average": averaged,
        "views": views,
        "view_sd": spread,
        "view_sd_of_rows": rows,
        "threshold_is": "the least score that is flagged",
        "flagged_by": flagged_by,
    }


def view_spread(positives: Floats, unseen: pl.DataFrame) -> tuple[float | None, int]:
    """Standard deviation of a row's log odds over the folds, of rows that score as positives do."""
    known = unseen.filter(pl.col(ODDS_SPREAD).is_not_null())
    alike = known.filter(pl.col(SCORE) >= float(np.quantile(positives, LIKE_POSITIVES)))
    some = alike if len(alike) >= FEWEST else known
    if len(some) < FEWEST:
        return None, len(some)
    return float(np.sqrt((some[ODDS_SPREAD].to_numpy() ** 2).mean())), len(some)


def on_average(positives: Floats, spread: float, views: int, sensitivity: float) -> float:
    """The threshold of averages of so many views, of which a share of positives lies above."""
    seen = special.logit(positives.clip(EDGE, 1 - EDGE))
    variance = float(seen.var())
    true_share = max(0.0, 1 - spread**2 / variance) if variance > 0 else 0.0
    centre = seen.mean() + (seen - seen.mean()) * np.sqrt(true_share)
    stream = np.random.default_rng(0)
    drawn = centre[:, None, None] + spread * stream.normal(size=(len(centre), DRAWS, views))
    averages = special.expit(drawn).mean(axis=2).ravel()
    return float(np.quantile(averages, 1 - sensitivity))
