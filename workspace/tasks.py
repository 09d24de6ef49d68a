"""A task: a unit before it is made, and how several of them are carried out.

A task says where its unit lies, what its result depends on, and the function that fills the draft.
`carry_out` finds what is done and gives the rest to an executor in the order that the tasks
themselves demand. Which executor that is (this process, several, other machines) is not known here;
a unit's folder is its result, and a lock beside it keeps two from making it at once.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field, replace
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any, Protocol

from workspace.errors import ArtifactError, DermstackError, name_some
from workspace.executors import Executor
from workspace.hashing import HashMemory
from workspace.lock import lock_of, owner_of
from workspace.manifest import NAME, Manifest, Wanted, differences, load_manifest
from workspace.orders import Busy, Maker, Needs, Order, carry_out_order, measured_needs
from workspace.progress import Desk
from workspace.sources import sources_of
from workspace.stopping import raise_if_asked
from workspace.units import OnChange, Unit, find

RETRY_S = 0.5  # how often to look whether another call has finished what it makes


@dataclass(frozen=True)
class Output:
    """What another task leaves, as an input: the hash of one file, or one of all."""

    task: "Task"
    file: str = ""

    def sha256(self, unit: Unit) -> str:
        return unit.sha256(self.file) if self.file else unit.content()


@dataclass(frozen=True, eq=False)
class Task:
    """A unit before it is made; equal settings and inputs mean an equal result."""

    folder: Path
    stage: str  # the make target that makes it
    make: Maker  # make(draft, **arguments); it must travel to another process
    settings: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, str | Output] = field(default_factory=dict)
    arguments: Mapping[str, Any] = field(default_factory=dict)
    needs: Needs | Callable[[], Needs] = field(default_factory=Needs)  # asked once it is to do
    on_change: OnChange = "redo"
    on_damage: OnChange = "stop"
    after: Sequence["Task"] = ()  # whose units it reads, though its result is known without them
    stays: bool = False  # FRESH=1 keeps it: dear, and of what does not change
    as_of: Manifest | None = None  # whose recipe and seed it has, if not the call's

    @property
    def name(self) -> str:
        """As it is shown: the unit's folder, with the one above it where that says more."""
        return self.folder.name

    def inputs_from(self) -> list["Task"]:
        return [one.task for one in self.inputs.values() if isinstance(one, Output)]

    def waits_for(self) -> list["Task"]:
        """Those that must be done before it can be."""
        return [*self.inputs_from(), *self.after]


@dataclass(frozen=True)
class State:
    """Whether a task is done, and if not, why."""

    task: Task
    unit: Unit | None = None
    why: str = ""  # it is to do
    changed: Sequence[str] = ()  # the values and inputs by which it is another
    stops: bool = False  # because a changed value does not redo it: that is asked for
    other_code: bool = False  # it is done, by other code
    owner: str | None = None  # another call makes it now

    @property
    def done(self) -> bool:
        return self.unit is not None


class Watcher(Protocol):
    """Who only wants to know what would be done (`make plan`)."""

    def saw(self, states: Sequence[State]) -> None: ...


@dataclass(frozen=True)
class Context:
    """What all tasks of a call share."""

    recipe: dict[str, Any]  # resolved, for the manifests
    seed: int
    hashes: HashMemory
    desk: Desk
    executor: Executor
    fresh: bool = False
    watcher: Watcher | None = None  # nothing is made for one
    noticed: set[str] = field(default_factory=set)  # said once in a call


class UnknownYetError(Exception):
    """To a watcher: what comes after these tasks hangs on their results."""

    def __init__(self, states: Sequence[State]) -> None:
        super().__init__(", ".join(state.task.name for state in states))
        self.states = states


def carry_out(tasks: Sequence[Task], context: Context) -> list[tuple[Unit, bool]]:
    """The tasks' units in their order, each with whether it was made now."""
    if context.watcher is not None:
        return _watched(tasks, context, context.watcher)
    work = _Work(tasks, context)
    try:
        work.run()
    except BaseException:
        context.executor.stop()
        raise
    return [(work.units[task], task in work.made) for task in tasks]


def state_of(task: Task, context: Context, to_do: Mapping[Task, State] | None = None) -> State:
    """Whether a task is done; of those in `to_do`, which are not, no hash is known."""
    manifest = load_manifest(task.folder)
    if manifest is None:
        return State(task, why="not made yet")
    if context.fresh and not task.stays:
        return State(task, why="FRESH=1")
    unmade = [one for one in task.inputs_from() if one in (to_do or {})]
    wanted = wanted_of(task, context, skip=unmade)
    seen = manifest.inputs.keys() - {n for n, i in task.inputs.items() if _is_of(i, unmade)}
    known = manifest.model_copy(update={"inputs": {n: manifest.inputs[n] for n in seen}})
    changed = differences(known, wanted)
    if changed:
        why = f"made from other values: {name_some(changed)}"
        return State(task, why=why, changed=changed, stops=task.on_change == "stop")
    if unmade:
        return State(task, why=f"{name_some(one.name for one in unmade)} may change")
    unit = find(task.folder, wanted, context.hashes, on_change="redo", on_damage=task.on_damage)
    if unit is None:
        return State(task, why="damaged")
    return State(task, unit, other_code=_is_other_code(task, manifest, context))


def states_of(tasks: Sequence[Task], context: Context) -> dict[Task, State]:
    """The state of each; what is made from one that is to do may change with it."""
    states: dict[Task, State] = {}
    for task in _in_order(tasks):
        to_do = {one: state for one, state in states.items() if not state.done}
        states[task] = state_of(task, context, to_do)
    return states


def wanted_of(task: Task, context: Context, skip: Sequence[Task] = ()) -> Wanted:
    """What the unit's manifest will say; inputs from tasks to `skip` left out."""
    inputs = {
        name: one if isinstance(one, str) else one.sha256(open_task(one.task))
        for name, one in task.inputs.items()
        if not _is_of(one, skip)
    }
    return Wanted(
        stage=task.stage,
        settings=dict(task.settings),
        inputs=inputs,
        recipe=task.as_of.recipe if task.as_of else context.recipe,
        seed=task.as_of.seed if task.as_of else context.seed,
    )


def open_task(task: Task) -> Unit:
    """The unit of a task that is done."""
    manifest = load_manifest(task.folder)
    if manifest is None:
        raise ArtifactError(
            f"{task.folder} is not there or unfinished; run 'make {task.stage}' first."
        )
    return Unit(task.folder, manifest)


@cache  # of thousands that wait all are asked whenever one ends
def _needs_of(task: Task) -> Needs:
    return measured_needs(task.needs, task.folder, task.stage, task.settings)


def _is_of(one: str | Output, tasks: Sequence[Task]) -> bool:
    return isinstance(one, Output) and one.task in tasks


def _is_other_code(task: Task, manifest: Manifest, context: Context) -> bool:
    return bool(manifest.sources) and manifest.sources != sources_of(task.make)


def _watched(tasks: Sequence[Task], context: Context, watcher: Watcher) -> list[tuple[Unit, bool]]:
    """Every task's state; and on with their units, if all are done."""
    states = {
        task: replace(state, owner=owner_of(lock_of(task.folder)))
        for task, state in states_of(tasks, context).items()
    }
    watcher.saw([states[task] for task in tasks])
    if undone := [state for state in states.values() if not state.done]:
        raise UnknownYetError(undone)
    return [(unit, False) for task in tasks if (unit := states[task].unit) is not None]


def _in_order(tasks: Sequence[Task]) -> list[Task]:
    return list(_graph(tasks).static_order())


def _graph(tasks: Sequence[Task]) -> TopologicalSorter[Task]:
    """Who waits for whom among these; what others left is there already."""
    among = set(tasks)
    sorter = TopologicalSorter[Task]()
    for task in tasks:
        sorter.add(task, *(one for one in task.waits_for() if one in among))
    return sorter


def _stamp(folder: Path) -> object:
    """Tells one making of a unit from another."""
    try:
        status = (folder / NAME).stat()
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_mtime_ns


class _Work:
    """One call of `carry_out`: what is ready, what is running, what is done."""

    def __init__(self, tasks: Sequence[Task], context: Context) -> None:
        self.tasks, self.context = tasks, context
        self.units: dict[Task, Unit] = {}
        self.made: set[Task] = set()
        self._graph = _graph(tasks)
        self._ready: list[Task] = []
        self._running: dict[Future[Any], Task] = {}
        self._busy: dict[Task, float] = {}  # made by another call; when to look again
        self._before: dict[Task, object] = {}  # what was there when it was begun
        self._failed: DermstackError | None = None
        self._told: set[str] = set()
        self._began = time.monotonic()

    def run(self) -> None:
        known = [one for one in self.tasks if one.on_change == "stop" and not one.inputs_from()]
        # What can be refused now is not refused hours later.
        self._refuse([state_of(task, self.context) for task in known])
        self._graph.prepare()
        while self._graph.is_active():
            raise_if_asked()
            self._ready += self._graph.get_ready()
            self._begin()
            self._collect()
            if self._failed is not None and not self._running:
                raise self._failed

    def _begin(self) -> None:
        """Tasks that are done are left; of the others as many begin as the executor takes."""
        todo, waiting = self._to_do()
        if todo and self._failed is None:
            most = self.context.executor.side_by_side(
                [_needs_of(task) for task in (*self._running.values(), *todo)]
            )
            with self.context.executor.together():
                while todo and len(self._running) < most:
                    self._submit(todo.pop(0))
        self._ready = [*waiting, *todo]

    def _to_do(self) -> tuple[list[Task], list[Task]]:
        """Of those that are ready: what is to make now, and what cannot be yet."""
        now = time.monotonic()
        todo: list[Task] = []
        waiting: list[Task] = []
        for task in self._ready:
            if self._busy.get(task, now) > now or self._failed is not None:
                waiting.append(task)
                continue
            if task in self._busy and owner_of(lock_of(task.folder)) is not None:
                self._busy[task] = now + RETRY_S  # to submit it would cost an engine a job
                waiting.append(task)
                continue
            try:
                state = self._state(task)
            except DermstackError as error:  # as of one at work: the others may finish
                self._failed = error
                waiting.append(task)
                continue
            if state.unit is not None:
                self._finish(task, state.unit)
            else:
                todo.append(task)
        return todo, waiting

    def _state(self, task: Task) -> State:
        # What another call made meanwhile is as fresh as can be.
        is_new = task in self._busy and _stamp(task.folder) != self._before[task]
        context = replace(self.context, fresh=False) if is_new else self.context
        state = state_of(task, context)
        self._refuse([state])
        for name in () if state.unit is None else state.unit.changed:
            self._notice(
                f"{task.folder / name} was changed after it was written, or is gone; nothing is "
                "made of it, so the rest stands."
            )
        if state.other_code and f"code of {task.stage}" not in self.context.noticed:
            self.context.noticed.add(f"code of {task.stage}")
            self._notice(
                f"{task.folder} was made by other code and is kept; 'make {task.stage} "
                "FRESH=1' redoes it, 'make plan' names all such."
            )
        return state

    def _notice(self, text: str) -> None:
        """Once in a call."""
        if text not in self.context.noticed:
            self.context.noticed.add(text)
            self.context.desk.say(f"notice: {text}")

    def _refuse(self, states: Sequence[State]) -> None:
        """One sentence about all whose other values stop them; of one alone that of `find`."""
        stopping = [state for state in states if state.stops]
        if not stopping:
            return
        first = stopping[0].task
        if len(stopping) == 1:
            find(
                first.folder, wanted_of(first, self.context), self.context.hashes, on_change="stop"
            )
        changed = dict.fromkeys(name for state in stopping for name in state.changed)
        raise ArtifactError(
            f"{name_some([state.task.name for state in stopping])} in {first.folder.parent} were "
            f"made from other values ({name_some(changed)}); restore them, take another folder, or "
            f"run 'make {first.stage} FRESH=1' with the new ones."
        )

    def _submit(self, task: Task) -> None:
        context = self.context
        order = Order(
            task.folder,
            wanted_of(task, context),
            sources_of(task.make),
            task.make,
            task.arguments,
            context.fresh and not task.stays,
            task.on_change,
            _needs_of(task),
        )
        number = len(self.units) + len(self._running) + 1
        if task not in self._busy:  # of those it was said
            context.desk.begin(task.stage, task.folder, (number, len(self.tasks)), self._left())
        self._before.setdefault(task, _stamp(task.folder))
        self._running[context.executor.submit(carry_out_order, order)] = task

    def _left(self) -> float | None:
        """Seconds for all that is not done, by what those of this call took."""
        if not self.made:
            return None
        each = (time.monotonic() - self._began) / len(self.made)
        return each * (len(self.tasks) - len(self.units))

    def _collect(self) -> None:
        """Wait for something to end, or for the time to look again at what others make."""
        if not self._running:
            if self._ready and self._busy and self._failed is None:
                time.sleep(RETRY_S)
            return
        ended, _ = wait(self._running, timeout=RETRY_S, return_when=FIRST_COMPLETED)
        for future in ended:
            task = self._running.pop(future)
            try:
                outcome = future.result()
            except DermstackError as error:
                self._failed = self._failed or error
                continue
            if isinstance(outcome, Busy):
                self._wait_for(task, outcome.owner)
            else:
                self.made.add(task)
                unit = open_task(task)
                self.context.desk.made(unit)
                self._finish(task, unit)

    def _wait_for(self, task: Task, owner: str) -> None:
        self._busy[task] = time.monotonic() + RETRY_S
        self._ready.append(task)
        if owner not in self._told:
            self._told.add(owner)
            self.context.desk.say(f"{task.folder} is being made by {owner}; going on with others.")

    def _finish(self, task: Task, unit: Unit) -> None:
        self.units[task] = unit
        self._graph.done(task)
