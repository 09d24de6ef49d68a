"""One attempt at a task on another node, and what an engine of such nodes is asked for."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from scripts.engines.boot import Answer, Begin
from scripts.engines.letters import Letters
from scripts.engines.remote_desk import showing
from workspace.machine import CORES
from workspace.orders import Needs
from workspace.progress import Desk


class DiedError(Exception):
    """A task ended with its process or its node; says why, as far as the engine knows."""


class ShortOfMemoryError(DiedError):
    """It was killed because it took more memory than it had asked for, or than there was."""


@dataclass(eq=False)
class Attempt:
    """A task under way; where it died it is begun anew as the next attempt."""

    name: str
    needs: Needs
    call: bytes
    future: Future[Any] = field(default_factory=Future)
    number: int = 1
    node: str = ""  # where it is at work, once it has begun
    node_id: str = ""  # the engine's name for it
    pid: int = 0  # there
    avoid: set[str] = field(default_factory=set)  # where it died before
    begin: Begin | None = None
    handle: Any = None  # the engine's own; None: it was not taken
    _letters: Letters | None = None
    _show: Callable[..., None] | None = None
    _open: ExitStack = field(default_factory=ExitStack)

    def expect(self, path: Path, desk: Desk) -> None:
        """What its worker says is written there, and shown at this desk."""
        self._letters, self._show = Letters(path), self._open.enter_context(showing(desk))

    def read(self) -> None:
        assert self._letters is not None
        assert self._show is not None
        for what, *rest in self._letters.new():
            if what == "began":
                self.node, self.node_id, self.pid = rest
            else:
                self._show(what, *rest)

    def finish(self) -> None:
        """Its bars are closed, whether or not it said so."""
        self._open.close()

    def fail(self, error: BaseException) -> None:
        self.finish()
        self.future.set_exception(error)

    def take_more_memory(self) -> None:
        """What was thought, or measured of its like, was too little."""
        self.needs = replace(self.needs, memory_gb=2 * self.needs.memory_gb)

    def begin_elsewhere(self) -> None:
        self.avoid.add(self.node_id)
        self.number, self.node, self.node_id, self.pid = self.number + 1, "", "", 0
        self.handle = None


class NodeEngine(Protocol):
    """What Ray and SLURM differ in."""

    every_s: float  # how often to look whether something ended
    by_sigint: bool  # a worker hears that it is to stop by SIGINT; else by SIGTERM alone

    def side_by_side(self, needs: Sequence[Needs]) -> int:
        """How many of these may be given to it at a time."""

    def connect(self, folder: Path, probe: Begin) -> None:
        """Before the first task; `probe` asks a node whether it is as the caller."""

    def environment(self, needs: Needs) -> dict[str, str]:
        """In which a task's process computes; "" for what is not to be there."""

    def begin(self, attempts: Sequence[Attempt]) -> None:
        """All that is ready now; each gets its `handle`."""

    def ended(self, attempts: Sequence[Attempt]) -> list[Attempt]:
        """Those of which there is an answer, or that died."""

    def answer(self, attempt: Attempt) -> Answer:
        """Of one that ended; raises `DiedError`."""

    def interrupt(self, attempts: Sequence[Attempt]) -> None:
        """Ask them to stop, perhaps once more; one that has not begun never does."""

    def kill(self, attempts: Sequence[Attempt]) -> None:
        """End them at once."""

    def close(self) -> None: ...


def threads_of(cores: int) -> dict[str, str]:
    """The environment of a process to which so many cores are lent."""
    return {name: str(cores) for name in (CORES, "OMP_NUM_THREADS", "POLARS_MAX_THREADS")}
