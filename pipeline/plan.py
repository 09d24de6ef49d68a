"""What a run would do, without doing it: every task as far as it is known, and the time it takes.

A stage is run with a watcher: it declares its tasks as it would, and is stopped where it would need
a result that is not there. So what is planned is what would be carried out, by the same lines.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import NamedTuple

from pipeline.job import INNER_RUN, Job
from reports.plan import PlannedTask, Unknown
from workspace.errors import ArtifactError
from workspace.likes import kind_of
from workspace.manifest import NAME, load_manifest
from workspace.progress import Silent
from workspace.tasks import State, UnknownYetError


@dataclass
class _Watcher:
    """Collects states in the order in which the stages declare their tasks."""

    states: dict[Path, State] = field(default_factory=dict)

    def saw(self, states: Sequence[State]) -> None:
        for state in states:
            self.states.setdefault(state.task.folder, state)


class _Took(NamedTuple):
    """What a unit took, and of which kind it is."""

    kind: tuple[str, str]
    seconds: float
    peak_gb: float | None


def planned(
    job: Job, stages: Sequence[tuple[str, Callable[[Job], object]]]
) -> tuple[list[PlannedTask], list[Unknown]]:
    """The tasks of these stages, and the stages whose tasks are not known yet, with what for."""
    watcher = _Watcher()
    quiet = replace(job, desk=Silent(), watcher=watcher, fresh=False, made={}, noticed=set())
    unknown = []
    for name, stage in stages:
        try:
            quiet.need(stage)
        except UnknownYetError as error:
            waits = [_name(s.task.folder, job.run) for s in error.states if not s.done]
            if not any(s.task.stage == name for s in watcher.states.values()):
                unknown.append(Unknown(name, waits))
    took = _all_took(job.run)
    return [_planned(state, job.run, took) for state in watcher.states.values()], unknown


def _planned(state: State, run: Path, took: dict[Path, _Took]) -> PlannedTask:
    folder = state.task.folder
    made = None if state.unit is None else state.unit.manifest
    like = _like(folder, run, took) if made is None else (made.seconds, made.peak_gb)
    return PlannedTask(
        stage=state.task.stage,
        name=_name(folder, run),
        done=state.done,
        why=f"being made by {state.owner}" if state.owner else state.why,
        stops=state.stops,
        other_code=state.other_code,
        seconds=like[0],
        peak_gb=like[1],
        measured=state.done,
    )


def _name(folder: Path, run: Path) -> str:
    return folder.relative_to(run).as_posix() if folder.is_relative_to(run) else str(folder)


def _like(folder: Path, run: Path, took: dict[Path, _Took]) -> tuple[float | None, float | None]:
    """Seconds and memory of this task before, or else of its like: one name with other numbers."""
    if folder in took:
        return took[folder].seconds, took[folder].peak_gb
    kind = _kind(folder, run)
    alike = {path: one for path, one in took.items() if one.kind == kind}
    own = [one for path, one in alike.items() if path.is_relative_to(run)]
    several = own or list(alike.values())
    peaks = [one.peak_gb for one in several if one.peak_gb is not None]
    return median(one.seconds for one in several) if several else None, max(peaks, default=None)


def _kind(folder: Path, run: Path) -> tuple[str, str]:
    """`stage1_fold_0` and `stage1_fold_0_1` are of one kind, in a folder of one name."""
    runs = (run, run / INNER_RUN)
    above = "" if folder.parent in runs else folder.parent.name  # runs have names of their own
    return above, kind_of(folder.name)


def _all_took(run: Path) -> dict[Path, _Took]:
    """What every unit took, of this run, of the one within it, and then of those beside it."""
    took: dict[Path, _Took] = {}
    beside = sorted(run.parent.glob("*")) if run.parent.is_dir() else []
    for place in (run, run / INNER_RUN, *beside):
        for path in (*place.glob(f"*/{NAME}"), *place.glob(f"*/*/{NAME}")):
            try:
                manifest = load_manifest(path.parent)
            except ArtifactError:
                continue  # none of ours, or of another version
            if manifest is not None:
                kind = _kind(path.parent, place)
                took.setdefault(path.parent, _Took(kind, manifest.seconds, manifest.peak_gb))
    return took
