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

from metrics.bootstrap import BootstrapConfig, IntervalSheet, interval_of
from metrics.cohort import Cohort, evenly, fewer, subset
from metrics.inputs import as_positive
from metrics.ranking import ranking_tally
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


class Elsewhere(TypedDict):
    """What shares are worth on the half that they were not learnt from."""

    n: int
    positives: int
    auc: IntervalSheet


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
) -> Elsewhere | None:
    """How well a level's share of positives orders rows of patients from whom it was not learnt.

    The shares are learnt on one half of the patients and tried on the other, whose interval it is.
    The other way round would tell nearly the same again: whatever is luck in either half is in
    both, and their mean would look surer than it is. None where a half lacks a class.
    """
    positive, words = as_positive(target), _words(levels)
    learnt = halves(cohort, seed)[cohort.codes] == 0
    if any(part.all() or not part.any() for part in (positive[learnt], positive[~learnt])):
        return None
    here, inside = positive[~learnt], subset(cohort, ~learnt, positive)
    score = _shares_learnt(words, positive, learnt)
    value = interval_of(ranking_tally(here, score, inside), inside, config)["auc"]
    return {"n": len(here), "positives": int(here.sum()), "auc": value.as_json()}


def halves(cohort: Cohort, seed: int) -> Ints:
    """(patients,): 0 or 1, as many of each in either stratum, to within one."""
    part = np.zeros(cohort.size, dtype=np.int64)
    stream = np.random.default_rng(seed)
    for stratum in np.unique(cohort.strata):
        members = stream.permutation(np.flatnonzero(cohort.strata == stratum))
        part[members] = (np.arange(len(members)) + int(stratum > 0)) % HALVES
    return part


def _shares_learnt(words: pl.Series, positive: Bools, learnt: Bools) -> Floats:
    """Of each other row the share of its level among those; few rows are drawn to the whole."""
    whole = float(positive[learnt].mean())
    rows = pl.DataFrame({"level": words, "positive": positive.astype(np.float64)})
    smoothed = (pl.col("positive").sum() + whole) / (pl.len() + 1)
    known = rows.filter(pl.Series(learnt)).group_by("level").agg(smoothed.alias("share"))
    asked = rows.filter(pl.Series(~learnt)).select("level")
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
    """A level that is called as what is missing is set in quotes."""
    words = pl.Series("level", levels, dtype=pl.String)
    return words.replace(MISSING, f"'{MISSING}'").fill_null(MISSING)
