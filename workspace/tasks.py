"""A task: a unit before it is made, and whether it is done.

A task says where its unit lies, what its result depends on, and the function that fills the draft.
Several are carried out in the order that they themselves demand (`workspace.work`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any, Protocol

from workspace.errors import ArtifactError, name_some
from workspace.executors import Executor
from workspace.hashing import HashMemory
from workspace.manifest import Manifest, Wanted, differences, load_manifest
from workspace.orders import Maker, Needs
from workspace.progress import Desk
from workspace.sources import sources_of
from workspace.units import OnChange, Unit, find


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
    join: Maker | None = None  # join(folder, wanted, desk, **arguments): help who makes it
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
    to_do: dict[Task, State] = {}
    for task in graph_of(tasks).static_order():
        states[task] = state_of(task, context, to_do)
        if not states[task].done:
            to_do[task] = states[task]
    return states


def graph_of(tasks: Sequence[Task]) -> TopologicalSorter[Task]:
    """Who waits for whom among these; what others left is there already."""
    among = set(tasks)
    sorter = TopologicalSorter[Task]()
    for task in tasks:
        sorter.add(task, *(one for one in task.waits_for() if one in among))
    return sorter


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


def _is_of(one: str | Output, tasks: Sequence[Task]) -> bool:
    return isinstance(one, Output) and one.task in tasks


def _is_other_code(task: Task, manifest: Manifest, context: Context) -> bool:
    return bool(manifest.sources) and manifest.sources != sources_of(task.make)
