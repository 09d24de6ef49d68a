"""Shares of positives by the words of a column, and what the words alone are worth, with intervals.

Nothing is fitted on the rows that it is tried on: a table of shares fits nothing, and what ranks
rows by them learnt the shares from other patients.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import TypedDict

import numpy as np
import polars as pl
from numpy.typing import ArrayLike

from metrics.across_folds import mean_over_folds
from metrics.bootstrap import BootstrapConfig, Interval, IntervalSheet, interval_of
from metrics.cohort import Cohort, evenly, fewer, subset
from metrics.inputs import as_positive
from metrics.subgroups import MISSING
from metrics.tally import Tally, tally_columns
from workspace.arrays import Bools, Floats, Ints

HALVES = 2


class Share(TypedDict):
    """The rows of one level."""

    level: str
    n: int
    positives: int
    patients: int | None  # None where nobody said whose the rows are
    patients_with_positive: int | None
    share: IntervalSheet


def share_tally(target: ArrayLike, cohort: Cohort) -> Tally:
    """The share of positives; it hangs on how many patients have one, which is drawn too."""
    positive = as_positive(target)

    def values(sums: Floats) -> dict[str, Floats]:
        with np.errstate(invalid="ignore", divide="ignore"):  # 0/0 is NaN on purpose
            return {"share": sums[..., 0] / sums[..., 1]}

    tally = tally_columns(cohort, [positive, np.ones(len(positive))], values)
    return replace(
        tally,
        behind={"share": fewer(positive, cohort)},
        mix={"share": evenly(positive, cohort)},
        shares={"share": cohort.size},
    )


def shares_by_level(
    target: ArrayLike,
    levels: Sequence[str | None] | pl.Series,
    cohort: Cohort,
    config: BootstrapConfig | None = None,
) -> list[Share]:
    """One entry a level, the largest first; missing is a level of its own, the last."""
    positive, words = as_positive(target), _words(levels)
    counts = words.value_counts(name="n").rows()
    ordered = sorted(counts, key=lambda one: (one[0] == MISSING, -one[1], one[0]))
    return [_share(level, positive, (words == level).to_numpy(), cohort, config)
            for level, _ in ordered]  # fmt: skip


def auc_of_words(
    target: ArrayLike,
    levels: Sequence[str | None] | pl.Series,
    cohort: Cohort,
    config: BootstrapConfig | None = None,
    seed: int = 0,
) -> Interval | None:
    """How well a level's share of positives orders rows of patients from whom it was not learnt.

    Patients are dealt into halves; each half is ranked by the shares of the other, and the two AUCs
    are averaged. None where a half lacks a class.
    """
    positive, words = as_positive(target), _words(levels)
    half = halves(cohort, seed)[cohort.codes]
    parts = [positive[half == part] for part in range(HALVES)]
    if not all(part.any() and not part.all() for part in parts):
        return None
    score = np.zeros(len(positive))
    for part in range(HALVES):
        score[half == part] = _learnt(words, positive, half != part, half == part)
    tally = mean_over_folds(positive, score, half, cohort)
    return interval_of(tally, cohort, config)["auc"]


def halves(cohort: Cohort, seed: int) -> Ints:
    """(patients,): 0 or 1, as many of each in either stratum, within one."""
    part = np.zeros(cohort.size, dtype=np.int64)
    stream = np.random.default_rng(seed)
    for stratum in np.unique(cohort.strata):
        members = stream.permutation(np.flatnonzero(cohort.strata == stratum))
        part[members] = (np.arange(len(members)) + int(stratum > 0)) % HALVES
    return part


def _learnt(words: pl.Series, positive: Bools, there: Bools, here: Bools) -> Floats:
    """The shares of these rows' levels elsewhere; a level with few rows is drawn to the whole."""
    whole = float(positive[there].mean())
    rows = pl.DataFrame({"level": words, "positive": positive.astype(np.float64)})
    known = rows.filter(pl.Series(there)).group_by("level").agg(
        ((pl.col("positive").sum() + whole) / (pl.len() + 1)).alias("share")
    )  # fmt: skip
    asked = rows.filter(pl.Series(here)).select("level")
    found = asked.join(known, on="level", how="left", maintain_order="left")
    return found["share"].fill_null(whole).to_numpy()


def _share(
    level: str, positive: Bools, rows: Bools, cohort: Cohort, config: BootstrapConfig | None
) -> Share:
    inside = subset(cohort, rows, positive)
    known = inside.unit == "patient"
    value = interval_of(share_tally(positive[rows], inside), inside, config)["share"]
    return {
        "level": level,
        "n": int(np.count_nonzero(rows)),
        "positives": int(np.count_nonzero(positive & rows)),
        "patients": inside.size if known else None,
        "patients_with_positive": int(np.count_nonzero(inside.strata)) if known else None,
        "share": value.as_json(),
    }


def _words(levels: Sequence[str | None] | pl.Series) -> pl.Series:
    return pl.Series("level", levels, dtype=pl.String).fill_null(MISSING)
