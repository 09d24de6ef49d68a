"""Tasks are carried out: what is done is left, the rest is given out as the tasks demand.

Who carries a task out (this process, several, other machines) is not known here: a unit's folder is
its result, and a lock beside it keeps two from making it at once.
"""

import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from workspace.errors import ArtifactError, DermstackError, name_some
from workspace.lock import clear_free_lock, lock_of, owner_of
from workspace.manifest import NAME
from workspace.orders import Busy, Needs, Order, carry_out_order, measured_needs
from workspace.sources import sources_of
from workspace.stopping import raise_if_asked
from workspace.tasks import (
    Context,
    State,
    Task,
    UnknownYetError,
    Watcher,
    graph_of,
    open_task,
    state_of,
    states_of,
    wanted_of,
)
from workspace.units import Unit, find

RETRY_S = 0.5  # how often to look whether another call has finished what it makes


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


def _stamp(folder: Path) -> object:
    """Tells one making of a unit from another."""
    try:
        status = (folder / NAME).stat()
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_mtime_ns


class _Work:
    """One call of `carry_out`: what is to do, what is running, what is done.

    The disk is asked about a task when it is ready, and once more before it begins; never about all
    that wait because one has ended, for there may be thousands.
    """

    def __init__(self, tasks: Sequence[Task], context: Context) -> None:
        self.tasks, self.context = tasks, context
        self.units: dict[Task, Unit] = {}
        self.made: set[Task] = set()
        self._graph = graph_of(tasks)
        self._todo: deque[Task] = deque()  # ready and not done, as they are to begin
        self._begun: set[Task] = set()
        self._running: dict[Future[Any], Task] = {}
        self._ended = SimpleQueue[Future[Any]]()
        self._busy: dict[Task, float] = {}  # made by another call; when to look again
        self._before: dict[Task, object] = {}  # what was there when it was begun
        self._needs: dict[Task, Needs] = {}
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
            while ready := self._graph.get_ready():  # what is done may make others ready
                self._todo += [task for task in ready if self._is_to_do(task)]
            self._take_up()
            self._begin()
            self._collect()
            if self._failed is not None and not self._running:
                raise self._failed

    def _is_to_do(self, task: Task) -> bool:
        """Whether it is not done; what is done is finished with, and nothing after an error."""
        if self._failed is not None:
            return False
        if task not in self._begun:
            self._before[task] = _stamp(task.folder)
        try:
            state = self._state(task)
        except DermstackError as error:  # as of one at work: the others may finish
            self._failed = error
            return False
        if state.unit is not None:
            clear_free_lock(task.folder)
            self._finish(task, state.unit)
        return state.unit is None

    def _take_up(self) -> None:
        """Before all others what another call was at and left undone, once it is time to look."""
        now = time.monotonic()
        free = []
        for task in [task for task, due in self._busy.items() if due <= now]:
            if owner_of(lock_of(task.folder)) is not None:
                self._busy[task] = now + RETRY_S  # to submit it would cost an engine a job
            else:
                del self._busy[task]
                free.append(task)
        self._todo.extendleft(reversed([task for task in free if self._is_to_do(task)]))

    def _begin(self) -> None:
        """As many as the executor takes, but for those that another call has made meanwhile."""
        if not self._todo or self._failed is not None:
            return
        most = self.context.executor.side_by_side(
            [self._needs_of(task) for task in (*self._running.values(), *self._todo)]
        )
        with self.context.executor.together():
            while self._todo and len(self._running) < most and self._failed is None:
                task = self._todo.popleft()
                if _stamp(task.folder) == self._before[task] or self._is_to_do(task):
                    self._submit(task)

    def _state(self, task: Task) -> State:
        # What another call made meanwhile is as fresh as can be.
        is_new = task in self._begun and _stamp(task.folder) != self._before[task]
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
            self._needs_of(task),
            task.join,
        )
        number = len(self.units) + len(self._running) + 1
        if task not in self._begun:  # of those it was said
            context.desk.begin(task.stage, task.folder, (number, len(self.tasks)), self._left())
        self._begun.add(task)
        future = context.executor.submit(carry_out_order, order)
        self._running[future] = task
        future.add_done_callback(self._ended.put)

    def _needs_of(self, task: Task) -> Needs:
        """Looked up once: those of thousands that wait are handed on whenever one ends."""
        if task not in self._needs:
            self._needs[task] = measured_needs(task.needs, task.folder, task.stage, task.settings)
        return self._needs[task]

    def _left(self) -> float | None:
        """Seconds for all that is not done, by what those of this call took."""
        if not self.made:
            return None
        each = (time.monotonic() - self._began) / len(self.made)
        return each * (len(self.tasks) - len(self.units))

    def _collect(self) -> None:
        """Wait for something to end, or for the time to look again at what others make."""
        if not self._running:
            if self._busy and self._failed is None:
                time.sleep(RETRY_S)
            return
        for future in self._ended_now():
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

    def _ended_now(self) -> list[Future[Any]]:
        ended: list[Future[Any]] = []
        with suppress(Empty):
            ended.append(self._ended.get(timeout=RETRY_S))
            while True:
                ended.append(self._ended.get_nowait())
        return ended

    def _wait_for(self, task: Task, owner: str) -> None:
        self._busy[task] = time.monotonic() + RETRY_S
        if owner not in self._told:
            self._told.add(owner)
            self.context.desk.say(f"{task.folder} is being made by {owner}; going on with others.")

    def _finish(self, task: Task, unit: Unit) -> None:
        self.units[task] = unit
        self._graph.done(task)
