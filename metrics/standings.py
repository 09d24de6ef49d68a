"""Sets of scores beside one another: what each is worth, and by how much it beats one of them.

Each is scored on all rows of its own. A difference is paired: on the rows that both have, joined by
id, and on the same draws of patients. Tables in, a JSON-able dict out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict

import numpy as np
import polars as pl

from metrics.bootstrap import IntervalSheet, difference, interval_of
from metrics.cohort import cohort
from metrics.inputs import checked
from metrics.ranking import ranking_tally
from metrics.score_sheet import ScoreConfig, ScoreSheet, score_sheet
from workspace.errors import DataError, listed
from workspace.lazy import LazyModule
from workspace.progress import Show, quietly

optimize = LazyModule("scipy.optimize")

ID, TARGET, WHOSE, SCORE, FOLD = "id", "target", "whose", "score", "fold"  # of an entry's rows
THEIRS = "_theirs"


@dataclass(frozen=True)
class Entry:
    """A set of scores: a row has ID, TARGET, WHOSE (null: nobody said) and SCORE.

    Of a run it has FOLD too, the fold whose models scored it.
    """

    name: str
    rows: pl.DataFrame


class Beside(TypedDict):
    """An entry beside the reference; `minus` is the entry's metrics minus the reference's."""

    n: int  # rows that both have
    positives: int
    patients: int | None
    alone: int  # rows that the entry has alone
    lacking: int  # rows that the reference has alone
    minus: dict[str, IntervalSheet] | None
    reason: str | None  # why there is no difference
    refolded: int | None  # of the rows of both, those in another fold; None: no folds, or no rows


class Standing(TypedDict):
    """An entry's own sheet, and how it stands to the reference; of that itself: None."""

    sheet: ScoreSheet
    beside: Beside | None


class Standings(TypedDict):
    """What `standings` makes and leaderboard.json keeps."""

    reference: str
    named: list[str]  # in the order in which they were named
    same_rows: bool  # all entries have the same rows: their own scores compare
    min_tpr: float
    level: float
    entries: dict[str, Standing]


def standings(
    entries: Sequence[Entry], reference: str, config: ScoreConfig, show: Show = quietly
) -> Standings:
    """Every entry on its own rows, and beside the reference on those that both have."""
    [first] = [entry for entry in entries if entry.name == reference]
    for entry in entries:
        check_alike(first, entry)
    found: dict[str, Standing] = {}
    for done, entry in enumerate(entries, start=1):
        beside = None if entry is first else _beside(first, entry, config)
        found[entry.name] = {"sheet": _own(entry, config), "beside": beside}
        show(done, len(entries))
    others = [one["beside"] for one in found.values() if one["beside"] is not None]
    return {
        "reference": reference,
        "named": [entry.name for entry in entries],
        "same_rows": all(one["alone"] == one["lacking"] == 0 for one in others),
        "min_tpr": config.min_tpr,
        "level": config.level,
        "entries": found,
    }


def check_alike(first: Entry, other: Entry) -> None:
    """Refuse rows of one id that are not the same row: of another target, or another patient."""
    both = _both(first, other)
    for column, what in ((TARGET, "target"), (WHOSE, "patient or lesion")):
        differs = both.filter(pl.col(column).ne_missing(pl.col(column + THEIRS)))
        if len(differs):
            raise DataError(
                f"{first.name} and {other.name} have rows in common that are of another {what} in "
                f"one than in the other, {len(differs)} of {len(both)}: "
                f"{listed(differs[ID].to_list())}; leave one of them out: only scores "
                "of the same data, of the same version, stand side by side."
            )


def _both(first: Entry, other: Entry) -> pl.DataFrame:
    """The rows that both have, by id, the other's columns marked."""
    return first.rows.join(other.rows, on=ID, how="inner", validate="1:1", suffix=THEIRS).sort(ID)


def _own(entry: Entry, config: ScoreConfig) -> ScoreSheet:
    rows = entry.rows.sort(ID)
    target, score = rows[TARGET].to_numpy(), rows[SCORE].to_numpy()
    return score_sheet(target, score, _patients(rows), config=config)


def _beside(first: Entry, entry: Entry, config: ScoreConfig) -> Beside:
    both, patients = _both(first, entry), None
    if len(both) and (ids := _patients(both)) is not None:
        patients = ids.n_unique()
    minus, reason = _minus(both, config)
    return {
        "n": len(both),
        "positives": int(both[TARGET].sum()),
        "patients": patients,
        "alone": len(entry.rows) - len(both),
        "lacking": len(first.rows) - len(both),
        "minus": minus,
        "reason": reason,
        "refolded": refolded(both),
    }


def _minus(
    both: pl.DataFrame, config: ScoreConfig
) -> tuple[dict[str, IntervalSheet] | None, str | None]:
    """The entry minus the reference, or why there is no such number."""
    if both.is_empty():
        return None, "no row in common"
    target = both[TARGET].to_numpy()
    if not checked(target, both[SCORE].to_numpy()).has_both:
        return None, "the rows in common are of one class"
    whose = cohort(_patients(both), target)
    theirs, ours = (
        ranking_tally(target, both[name].to_numpy(), whose, config.min_tpr)
        for name in (SCORE, SCORE + THEIRS)
    )
    found = interval_of(difference(theirs, ours), whose, config.bootstrap())
    return {name: interval.as_json() for name, interval in found.items()}, None


def refolded(both: pl.DataFrame) -> int | None:
    """Rows that one entry's folds put together with others than the other's do.

    A fold's number means nothing: folds are matched one to one so that the most rows stay.
    """
    if FOLD not in both.columns or FOLD + THEIRS not in both.columns or both.is_empty():
        return None
    first, other = (both[name].rank("dense").to_numpy() - 1 for name in (FOLD, FOLD + THEIRS))
    counts = np.zeros((int(first.max()) + 1, int(other.max()) + 1), dtype=np.int64)
    np.add.at(counts, (first, other), 1)
    return len(both) - int(counts[optimize.linear_sum_assignment(-counts)].sum())


def _patients(rows: pl.DataFrame) -> pl.Series | None:
    """Whose the rows are; None where nobody said so of any."""
    whose = rows[WHOSE]
    return None if whose.null_count() == len(whose) else whose
