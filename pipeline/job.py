"""One call of a stage: the recipe, the run's folder, who is told what, who carries tasks out.

Stages and what they are composed of are functions of a `Job`; the makers of units never are.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar, cast

from folds.findings import Findings
from pipeline.notices import NOTICES, show_finding, show_notices
from pipeline.recipe import Recipe
from reports.table import Said
from workspace.atomic import remove_folder
from workspace.errors import ArtifactError, CannotWriteError
from workspace.executors import Executor, ThisProcess
from workspace.hashing import HashMemory
from workspace.progress import Desk, Show
from workspace.sentences import unnamed
from workspace.tasks import (
    Context,
    State,
    Task,
    UnknownYetError,
    Watcher,
    state_of,
    states_of,
)
from workspace.units import Unit
from workspace.work import carry_out

Made = TypeVar("Made")
OTHER_STAGE = re.compile(r"'make [a-z-]+ FRESH=1'")
INNER_RUN = Path("hospitals") / "run"  # of `make hospitals`: a run within a run


@contextmanager
def mended_by(stage: str) -> Iterator[None]:
    """For a stage with a run within the run: other stages' own mend would redo the outer run."""
    try:
        yield
    except ArtifactError as error:
        text = OTHER_STAGE.sub(f"'make {stage} FRESH=1'", str(error))
        raise type(error)(text, public=unnamed(error)) from error


def up_to_date(units: Mapping[str, Unit]) -> str:
    """Why there is nothing to do about units that lie side by side, by name."""
    beside = next(iter(units.values())).folder.parent
    return f"{', '.join(units)} in {beside} {'is' if len(units) == 1 else 'are'} up to date."


SO_FAR = ("checkpoints", "working")  # arguments that say where a maker keeps what is done so far


@dataclass(frozen=True)
class Job:
    """One call of a stage: what to do, where to keep it, and how to talk about it."""

    stage: str
    recipe: Recipe
    run: Path
    hashes: HashMemory
    desk: Desk
    fresh: bool = False
    own_data: bool = False  # --data was given: the folder is the user's, nothing is drawn there
    device: str = "auto"
    deterministic: bool = False  # networks learn the same to the bit on a GPU too, or it says why
    files: Mapping[str, Path] = field(default_factory=dict)  # named on the command line
    words: Mapping[str, str] = field(default_factory=dict)  # said on the command line
    executor: Executor | None = None  # none named: this process
    watcher: Watcher | None = None  # of `make plan`, for which nothing is made
    made: dict[Any, Any] = field(default_factory=dict)  # what stages left, in this one call
    noticed: set[str] = field(default_factory=set)  # what was said once
    carried: list[tuple[Unit, bool]] = field(default_factory=list)  # units, each with: is it new
    undone: list[State] = field(default_factory=list)  # what a watcher saw to be to do

    @property
    def results(self) -> Path:
        """Where a stage of a finished run writes: OUT=, or the run's folder."""
        return self.files.get("out", self.run)

    def need(self, stage: "Callable[[Job], Made]") -> "Made":
        """What a stage leaves that this one needs first: kept if done, also under --fresh."""
        if stage not in self.made:
            try:
                self.made[stage] = stage(replace(self, fresh=False))
            except UnknownYetError as unknown:
                self.made[stage] = unknown
        if isinstance(self.made[stage], UnknownYetError):
            raise self.made[stage]
        return cast("Made", self.made[stage])

    def carry_out(self, *tasks: Task) -> list[tuple[Unit, bool]]:
        """The tasks' units in their order, each with whether it was made now."""
        try:
            found = carry_out(tasks, self._context())
        except UnknownYetError as unknown:
            self.undone.extend(unknown.states)
            raise
        self.carried.extend(found)
        if self.watcher is None:
            for task, (_, new) in zip(tasks, found, strict=True):
                if not new:
                    _clear_so_far(task)
        return found

    def make(self, task: Task) -> tuple[Unit, bool]:
        """One task's unit, and whether it was made now."""
        [only] = self.carry_out(task)
        return only

    def state_of(self, task: Task) -> State:
        """Whether a task is done, and if not, why."""
        return state_of(task, self._context())

    def states_of(self, tasks: Sequence[Task]) -> dict[Task, State]:
        """The same of several, of which some are made from what others leave."""
        return states_of(tasks, self._context())

    def say(self, message: str, **facts: object) -> None:
        """One line for the person, the same with facts for the run's log."""
        self.desk.say(message, private=False, **facts)

    def rest(self, stage: str, why: str) -> None:
        """One line where there is nothing to do, by the stage that was called, not by others."""
        if stage == self.stage:
            self.say(f"{stage}: nothing to do, {why}")

    def show(self, tables: Iterable[Said]) -> None:
        """What a report has to say: sentences and tables."""
        for one in tables:
            if isinstance(one, str):
                self.desk.say(one)
            else:
                self.desk.table(one)

    def progress(self, label: str) -> AbstractContextManager[Show]:
        """A bar with the time left while something long runs; yields `show(done, total)`."""
        return self.desk.progress(label)

    def show_finding(self, word: str, finding: Mapping[str, Any]) -> None:
        show_finding(self.desk, word, finding)

    def show_notices(self, findings: Findings) -> None:
        show_notices(self.desk, findings)

    def show_notices_of(self, unit: Unit) -> None:
        for finding in unit.json(NOTICES):
            self.show_finding("notice", finding)

    def _context(self) -> Context:
        return Context(
            recipe=self.recipe.resolved(),
            seed=self.recipe.seed,
            hashes=self.hashes,
            desk=self.desk,
            executor=self.executor or ThisProcess(self.desk),
            fresh=self.fresh,
            watcher=self.watcher,
            noticed=self.noticed,
        )


def _clear_so_far(task: Task) -> None:
    """What is of no more use: left where a maker was killed once its unit was whole."""
    for name in SO_FAR:
        folder = task.arguments.get(name)
        if folder is not None:
            with suppress(CannotWriteError):  # the run may only be read, or another call was faster
                remove_folder(folder)
