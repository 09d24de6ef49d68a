"""What a run would do: a line for each kind of task, why, and how long it takes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from folds.findings import plural
from reports.desk import in_words
from reports.table import Column, Said, Table, Words
from workspace.errors import name_some


@dataclass(frozen=True)
class PlannedTask:
    """A task of the chain, and whether it is done."""

    stage: str
    name: str
    done: bool
    why: str  # it is to do
    stops: bool  # a changed value stops it, and does not redo it
    other_code: bool  # it is done, by other code
    seconds: float | None  # it took, or its like took
    measured: bool
    peak_gb: float | None = None  # of memory, the same


@dataclass(frozen=True)
class Unknown:
    """A stage whose tasks hang on results that are not there."""

    stage: str
    waits_for: Sequence[str]


def tables(tasks: Sequence[PlannedTask], unknown: Sequence[Unknown]) -> Iterator[Said]:
    """One table of all tasks, then what is left in all."""
    rows = [row for _, several in groupby(tasks, _alike) for row in _rows(list(several))]
    yield Table(
        (Column("stage"), Column("tasks"), Column("state", whole=False),
         Column("seconds", right=True), Column("GB", right=True)),
        tuple(tuple(map(Words, row)) for row in rows),
    )  # fmt: skip
    for one in unknown:
        there = "is there" if len(one.waits_for) == 1 else "are there"
        yield f"{one.stage}: its tasks are known once {name_some(one.waits_for)} {there}."
    to_do = [task for task in tasks if not task.done and not task.stops]
    if other := [task.name for task in tasks if task.other_code]:
        yield f"notice: made by other code, and kept: {name_some(other)}; FRESH=1 redoes a stage."
    stops = [task.name for task in tasks if task.stops]
    if stops:
        yield (
            f"notice: {name_some(stops)} would stop its stage: restore the values, take another "
            "RUN=, or FRESH=1."
        )
    if not to_do and not unknown and not stops:
        yield "plan: nothing to do."
        return
    known = [task.seconds for task in to_do if task.seconds is not None]
    blank = len(to_do) - len(known)
    about = "at least" if unknown or blank else "about"
    time = f": {about} {in_words(sum(known))}" if known else ": nobody knows how long"
    time = time if to_do else ""
    more = f", and {plural(blank, 'task')} whose like was never timed" if known and blank else ""
    later = ", and what is not known yet" if unknown else ""
    stopping = f"{plural(len(stops), 'task')} would stop, " if stops else ""
    yield f"plan: {stopping}{plural(len(to_do), 'task')} to do{time}{more}{later}."


def _alike(task: PlannedTask) -> tuple[str, str, bool, str, bool, bool]:
    folder = task.name.rpartition("/")[0]
    return task.stage, folder, task.done, task.why, task.stops, task.other_code


def _rows(tasks: Sequence[PlannedTask]) -> Iterator[tuple[str, str, str, str, str]]:
    """Tasks of one folder in the same state are one row."""
    first, seconds = tasks[0], [task.seconds for task in tasks if task.seconds is not None]
    names = first.name if len(tasks) == 1 else f"{first.name} ... ({len(tasks)})"
    state = "done" if first.done else ("stops: " if first.stops else "to do: ") + first.why
    state += ", by other code" if first.other_code else ""
    about = "" if first.measured else "~"
    taken = f"{about}{sum(seconds):.0f}" if seconds else "?"
    peaks = [task.peak_gb for task in tasks if task.peak_gb is not None]
    held = f"{about}{max(peaks):.1f}" if peaks else "?"
    yield first.stage, names, state, taken, held
