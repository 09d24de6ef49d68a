"""For whom it works: one metric by sex, age band, site, hospital or skin colour, with intervals.

A level with few positives gets no number: it would be read as one. Missing is a level of its own.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TypedDict

import numpy as np
import polars as pl
from numpy.typing import ArrayLike

from metrics.bootstrap import BootstrapConfig, IntervalSheet, interval_of
from metrics.cohort import Cohort, subset
from metrics.inputs import as_positive
from metrics.operating import operating_tally
from metrics.ranking import ranking_tally
from metrics.tally import Tally
from workspace.arrays import Bools, Floats
from workspace.errors import DataError

LEAST = 10  # positives, their patients, and negatives: below, a level gets no number
MISSING = "missing"
AGE_BAND_YEARS = 20


class _Rows(TypedDict):
    n: int
    patients: int | None
    positives: int
    patients_with_positive: int | None
    metrics: dict[str, IntervalSheet] | None
    reason: str | None  # why there are no metrics


class Subgroup(_Rows):
    """One level of one column."""

    column: str
    level: str


TallyOf = Callable[[ArrayLike, ArrayLike, Cohort], Tally]


def subgroup_table(
    target: ArrayLike,
    score: ArrayLike,
    cohort: Cohort,
    columns: Mapping[str, Sequence[str | None] | pl.Series],
    config: BootstrapConfig | None = None,
    *,
    metric: TallyOf = ranking_tally,
) -> list[Subgroup]:
    """One entry a level of each column: n, patients, positives, and the metric's intervals.

    Instead of the intervals `reason` says where there are too few positives or negatives. For
    sensitivity and specificity at one global threshold take `metric=at_global(threshold)`.
    """
    positive, scores = as_positive(target), np.asarray(score, dtype=np.float64)
    entries: list[Subgroup] = []
    for name, values in columns.items():
        levels = pl.Series(name, values, dtype=pl.String).fill_null(MISSING)
        if len(levels) != len(positive):
            raise DataError(
                f"Subgroup column {name} has {len(levels)} values for {len(positive)} rows; join "
                "it by id first."
            )
        for level in sorted(levels.unique(), key=lambda level: (level == MISSING, level)):
            rows = (levels == level).to_numpy()
            entry = _subgroup(positive, scores, rows, cohort, config or BootstrapConfig(), metric)
            entries.append({"column": name, "level": level, **entry})
    return entries


def at_global(threshold: float) -> TallyOf:
    """Sensitivity, specificity and their kin at a threshold that was chosen elsewhere."""
    return lambda target, score, cohort: operating_tally(target, score, threshold, cohort)


def age_bands(age: pl.Series) -> pl.Series:
    """`40-59` and so on, in twenty years, the last one open; null stays null."""
    years = age.cast(pl.Float64).fill_nan(None)
    start = (years // AGE_BAND_YEARS * AGE_BAND_YEARS).clip(0, 80).cast(pl.Int64)
    text = [None if s is None else "80+" if s == 80 else f"{s}-{s + 19}" for s in start.to_list()]
    return pl.Series(age.name, text, dtype=pl.String)


def skin_colour(lightness: pl.Series, yellowness: pl.Series) -> pl.Series:
    """The individual typology angle of skin around a lesion, from L* and b*, in named ranges.

    A proxy: photographs vary in light, and colour is not ethnicity. Limits: Chardon 1991, Del Bino
    2013. The names carry a number, so that they sort from light to dark.
    """
    angle = np.degrees(np.arctan2(lightness.to_numpy() - 50, yellowness.to_numpy()))
    names = np.array(
        ["6 dark", "5 brown", "4 tan", "3 intermediate", "2 light", "1 very light", ""]
    )
    band = np.digitize(angle, [-30, 10, 28, 41, 55], right=True)
    skin = yellowness.to_numpy() > 0  # below, the angle turns round; no skin is blue
    text = np.where(skin & ~np.isnan(angle), names[band], "")
    return pl.Series("skin_colour", text).replace("", None)


def _subgroup(
    positive: Bools,
    score: Floats,
    rows: Bools,
    cohort: Cohort,
    config: BootstrapConfig,
    metric: TallyOf,
) -> _Rows:
    inside = subset(cohort, rows, positive)
    n, positives = int(np.count_nonzero(rows)), int(np.count_nonzero(positive & rows))
    known = inside.unit == "patient"
    with_positive = int(np.count_nonzero(inside.strata)) if known else positives
    entry: _Rows = {
        "n": n,
        "patients": inside.size if known else None,
        "positives": positives,
        "patients_with_positive": with_positive if known else None,
        "metrics": None,
        "reason": None,
    }
    for count, kind in (
        (positives, "positives"),
        (n - positives, "negatives"),
        (with_positive, "positive patients"),
    ):
        if count < LEAST:
            return {**entry, "reason": f"insufficient {kind} ({count} < {LEAST})"}
    values = interval_of(metric(positive[rows], score[rows], inside), inside, config)
    return {**entry, "metrics": {name: value.as_json() for name, value in values.items()}}
