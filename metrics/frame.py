"""Scores from Python: a table of pandas or polars in, a value with its interval out."""

import polars as pl
from numpy.typing import ArrayLike

from metrics.bootstrap import Interval, interval_of
from metrics.cohort import cohort
from metrics.inputs import checked
from metrics.ranking import ranking_tally
from metrics.score_sheet import ScoreConfig
from workspace.errors import ConfigError, listed
from workspace.frames import as_polars, check_words


def score_with_interval(
    table: object,
    *,
    metric: str = "pauc",
    target: str = "target",
    score: str = "score",
    patient: str | None = "patient_id",
    config: ScoreConfig | None = None,
) -> Interval:
    """What a column of scores is worth; printed, it reads `0.1532 [0.1391, 0.1644]`.

    `metric` is pauc, standardised_pauc, auc or average_precision. Patients are drawn again; with
    `patient=None` rows are, and the interval is too narrow wherever a patient has several.
    """
    config = config or ScoreConfig()
    names = [target, score, *([] if patient is None else [patient])]
    rows = as_polars(table, names).select(pl.col(name) for name in dict.fromkeys(names))
    if patient is not None:
        check_words(rows, [patient])
    scored = checked(_numbers(rows[target]), _numbers(rows[score]))
    whose = cohort(None if patient is None else rows[patient], scored.positive)
    tally = ranking_tally(scored.positive, scored.score, whose, config.min_tpr)
    values = list(tally.point())
    if metric not in values:
        raise ConfigError(f"There is no metric '{metric}'; there are {listed(values)}.")
    return interval_of(tally, whose, config.bootstrap())[metric]


def _numbers(column: pl.Series) -> ArrayLike:
    """As the checks take them: truths as 0 and 1, what is missing as NaN, text as it is."""
    if column.dtype.is_numeric() or column.dtype == pl.Boolean:
        return column.cast(pl.Float64).to_numpy()
    return column.to_list()
