"""Processes of this machine: JOBS=n of them, or as many as the work asks for.

Each worker is a process pool of its own, so that one that is killed takes nothing but its own task
with it. Workers are spawned, not forked: polars and LightGBM may hang in a forked process. Threads
and memory are divided among them, but for those that networks compute with: their number is the
network's own (models/nets/work.py).
"""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from scripts.engines.remote_desk import RemoteDesk, showing
from scripts.engines.stop_requests import await_stop, stopping_as_worker
from workspace.errors import ArtifactError
from workspace.executors import ThisProcess
from workspace.machine import JOBS, cores, lent_cores, lent_memory_gb
from workspace.orders import Needs
from workspace.progress import Desk


@dataclass
class _Worker:
    """A pool of one process, and what it is at."""

    pool: ProcessPoolExecutor
    began: Future[int]  # its pid
    listener: threading.Thread
    busy: bool = False

    @property
    def pid(self) -> int:
        """Known once it has begun: another may begin meanwhile."""
        return self.began.result()


class LocalProcesses:
    """So many processes of this machine."""

    def __init__(self, slots: int, desk: Desk, log: Callable[[], None]) -> None:
        self._slots = slots
        self._desk, self._log = desk, log
        self._context = multiprocessing.get_context("spawn")
        self._workers: list[_Worker] = []

    def side_by_side(self, needs: Sequence[Needs]) -> int:
        return self._slots

    def together(self) -> AbstractContextManager[None]:
        return nullcontext()

    @property
    def idle(self) -> bool:
        return not any(worker.busy for worker in self._workers)

    def submit(self, function: Callable[..., Any], /, *arguments: Any) -> Future[Any]:
        worker = self._free()
        worker.busy = True
        answer = worker.pool.submit(_work, function, arguments)
        future = Future[Any]()
        future.set_running_or_notify_cancel()

        def end(ended: Future[Any]) -> None:
            worker.busy = False
            error = ended.exception()
            if isinstance(error, BrokenProcessPool):
                self._workers.remove(worker)
                error = ArtifactError(
                    f"The process that made {_named(arguments)} was killed, perhaps for want of "
                    "memory; what others finish is kept. The same command goes on; fewer JOBS= "
                    "need less memory."
                )
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(ended.result())

        answer.add_done_callback(end)
        return future

    def stop(self) -> None:
        """Ask those at work to end, as Ctrl-C would, and wait until they have."""
        for worker in list(self._workers):
            if worker.busy:
                with suppress(BrokenProcessPool):  # it ended before it began
                    send_signal(worker.pid, signal.SIGTERM)
        self.close()

    def close(self) -> None:
        for worker in list(self._workers):
            worker.pool.shutdown(wait=True, cancel_futures=True)
            worker.listener.join()
        self._workers.clear()

    def _free(self) -> _Worker:
        free = next((worker for worker in self._workers if not worker.busy), None)
        if free is None:
            free = self._new()
            self._workers.append(free)
        return free

    def _new(self) -> _Worker:
        # A pipe for each: a lock that all share would stay locked by one that is killed.
        ours, theirs = self._context.Pipe(duplex=False)
        with _divided(self._slots):
            pool = ProcessPoolExecutor(1, self._context, _begin, (theirs, self._log))
            began = pool.submit(os.getpid)  # which begins it, in this environment
        theirs.close()  # its own copy lives in the worker; with that the pipe ends
        listener = threading.Thread(target=_listen, args=(ours, self._desk), daemon=True)
        listener.start()
        return _Worker(pool, began, listener)


@dataclass(frozen=True)
class _Lent:
    """What the machine lends to tasks side by side."""

    cores: int
    memory_gb: float

    @classmethod
    def now(cls) -> "_Lent":
        return cls(lent_cores(), lent_memory_gb())


class ByWork:
    """This process, or as many as small networks ask for and the machine lends."""

    def __init__(self, desk: Desk, log: Callable[[], None]) -> None:
        self._desk, self._log = desk, log
        self._here = ThisProcess(desk)
        self._processes: LocalProcesses | None = None
        self._slots = 1
        self._lent = _Lent(1, 0.0)

    def side_by_side(self, needs: Sequence[Needs]) -> int:
        if self._processes is None or self._processes.idle:
            self._divide(needs)
        # Of what was lent before they began: what is free now lacks what they have taken.
        return min(self._slots, fitting(needs, self._lent))

    def together(self) -> AbstractContextManager[None]:
        return nullcontext()

    def _divide(self, needs: Sequence[Needs]) -> None:
        """While nobody is at work: a machine divided among another number begins anew."""
        self._lent = _Lent.now()
        slots = fitting(needs, self._lent)
        if slots != self._slots:
            self.close()  # a single task may take all of the machine
        self._slots = slots
        if self._processes is None and slots > 1:
            self._processes = LocalProcesses(slots, self._desk, self._log)

    def submit(self, function: Callable[..., Any], /, *arguments: Any) -> Future[Any]:
        return (self._processes or self._here).submit(function, *arguments)

    def stop(self) -> None:
        if self._processes is not None:
            self._processes.stop()

    def close(self) -> None:
        if self._processes is not None:
            self._processes.close()
            self._processes = None


def fitting(needs: Sequence[Needs], lent: _Lent) -> int:
    """How many of these, in their order, fit beside one another; one of all cores waits for them.

    What is at work comes first. So a network's folds are joined when no other network trains.
    """
    count, cores_taken, gb_taken = 0, 0, 0.0
    for one in needs:  # there may be thousands: only as far as they fit
        cores_taken, gb_taken = cores_taken + one.cores, gb_taken + one.memory_gb
        if not one.cores or cores_taken > lent.cores or gb_taken > lent.memory_gb:
            break
        count += 1
    return max(1, count)


def fitting_now(needs: Sequence[Needs]) -> int:
    """Of what the machine lends at this moment."""
    return fitting(needs, _Lent.now())


def send_signal(pid: int, number: int) -> None:
    """Send a signal to a process that may have ended."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _named(arguments: tuple[Any, ...]) -> str:
    return str(getattr(arguments[0], "folder", "a task")) if arguments else "a task"


@contextmanager
def _divided(jobs: int) -> Iterator[None]:
    """The environment in which a worker begins."""
    each = str(max(1, cores() // jobs))
    ours = {
        JOBS: str(jobs), "OMP_NUM_THREADS": each, "POLARS_MAX_THREADS": each,
    }  # fmt: skip
    before = {name: os.environ.get(name) for name in ours}
    os.environ.update(ours)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


_DESK: list[Desk] = []  # of this process, if it is a worker


def _begin(theirs: "Connection[Any, Any]", log: Callable[[], None]) -> None:
    """The first thing in a worker: Ctrl-C is its parent's affair, and so is the screen."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    await_stop()
    _DESK[:] = [_PipedDesk(theirs)]
    log()
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _work(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    with stopping_as_worker():
        return function(*arguments, desk=_DESK[0])


def _end_with_parent() -> None:
    """A worker whose parent is gone ends at once: nobody would read what it says."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


class _PipedDesk(RemoteDesk):
    """The desk of a worker: what it says goes to its parent."""

    def __init__(self, theirs: "Connection[Any, Any]") -> None:
        self._theirs, self._lock = theirs, threading.Lock()

    def send(self, *message: object) -> None:
        with self._lock:
            self._theirs.send(message)


def _listen(ours: "Connection[Any, Any]", desk: Desk) -> None:
    """In the parent: show what a worker says until it ends."""
    with showing(desk) as show, suppress(EOFError, OSError):
        while True:
            show(*ours.recv())
