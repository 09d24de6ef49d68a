"""What leaving a hospital out costs: scores of the same rows, cross-validated and without it.

Reads rows with both scores of each member, joined by id. Within a hospital that is left out alone
all scores of that way come from one model; over all hospitals they are pooled. Every difference is
paired: both ways on the same draws of patients.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypedDict

import polars as pl

from folds.schema import TARGET
from metrics.across_folds import POOLED
from metrics.bootstrap import IntervalSheet, difference, intervals
from metrics.cohort import cohort
from metrics.ranking import ranking_tally
from metrics.score_sheet import ScoreConfig
from metrics.tally import Tally
from stacking.measure import interval_sheets
from stacking.use import FOLD
from workspace.progress import Show

WAYS = ("cross_validated", "left_out")
SHOWN = ("pauc", "auc")
NO_POSITIVE, NO_NEGATIVE = "no positive", "no negative"


class BothWays(TypedDict):
    """A member's metrics either way, and the second minus the first."""

    cross_validated: dict[str, IntervalSheet]
    left_out: dict[str, IntervalSheet]
    minus: dict[str, IntervalSheet]


class LeftOutSheet(TypedDict):
    """Some rows; `reason` says why they have no scores."""

    hospitals: list[str]
    n: int
    positives: int
    patients: int | None
    scores: dict[str, BothWays] | None
    reason: str | None


@dataclass(frozen=True)
class Scored:
    """Rows that both ways score: target, fold that leaves their hospital out, whose, scores."""

    rows: pl.DataFrame
    members: Sequence[str]
    patient: str | None  # a column

    def of_fold(self, fold: int) -> "Scored":
        """The rows of hospitals that are left out together."""
        return Scored(self.rows.filter(pl.col(FOLD) == fold), self.members, self.patient)


def column_of(way: str, member: str) -> str:
    """The column of a member's scores."""
    return f"{way} {member}"


def both_ways(
    members: Sequence[str], tables: Mapping[str, pl.DataFrame], key: str
) -> tuple[pl.DataFrame, dict[str, int]]:
    """The rows that both ways score, by `key`, and how many either scores alone.

    A table has the key and a column of each member; rows come in the order of the key.
    """
    own, other = (
        tables[way].select(key, *(pl.col(name).alias(column_of(way, name)) for name in members))
        for way in WAYS
    )
    alone = {WAYS[0]: len(own.join(other, on=key, how="anti")),
             WAYS[1]: len(other.join(own, on=key, how="anti"))}  # fmt: skip
    return own.join(other, on=key, how="inner", validate="1:1").sort(key), alone


def left_out_sheet(
    scored: Scored, hospitals: Sequence[str], config: ScoreConfig, show: Show | None = None
) -> LeftOutSheet:
    """Every member of these rows, both ways and paired; none where they are of one class."""
    target = scored.rows[TARGET].to_numpy()
    positives = int(target.sum())
    whose = cohort(None if scored.patient is None else scored.rows[scored.patient], target)
    reason = NO_POSITIVE if not positives else NO_NEGATIVE if positives == len(target) else None
    return {
        "hospitals": list(hospitals),
        "n": len(target),
        "positives": positives,
        "patients": whose.size if whose.unit == "patient" else None,
        "scores": _scores(scored, config, show) if reason is None else None,
        "reason": reason,
    }


def _scores(scored: Scored, config: ScoreConfig, show: Show | None) -> dict[str, BothWays]:
    rows = scored.rows
    target = rows[TARGET].to_numpy()
    whose = cohort(None if scored.patient is None else rows[scored.patient], target)
    tallies: dict[str, Tally] = {}
    for member in scored.members:
        first, second = (
            ranking_tally(target, rows[column_of(way, member)].to_numpy(), whose, config.min_tpr)
            for way in WAYS
        )
        tallies |= {column_of(WAYS[0], member): first, column_of(WAYS[1], member): second}
        tallies[column_of("minus", member)] = difference(first, second)
    by_name = intervals(tallies, whose, config.bootstrap(), show)
    sheets = {
        name: interval_sheets({metric: one[metric] for metric in SHOWN})
        for name, one in by_name.items()
    }
    return {
        member: {
            "cross_validated": sheets[column_of(WAYS[0], member)],
            "left_out": sheets[column_of(WAYS[1], member)],
            "minus": sheets[column_of("minus", member)],
        }
        for member in scored.members
    }


def notes_of(*, learns: bool) -> list[str]:
    """What the numbers do not say."""
    notes = [
        f"Over all hospitals both scores are {POOLED}: within a hospital that is left out alone, "
        "one model gives all of its scores, and the difference is of the hospital alone."
    ]
    if learns:
        notes.append(
            "Intervals tell of patients, not of the luck of a training: the networks of the two "
            "ways were each trained once."
        )
    return notes
