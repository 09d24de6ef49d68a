"""Tasks on other nodes: given out, followed, and given out again where their node died.

What Ray and SLURM share. Each attempt is a parcel; what a worker says comes as letters through the
run's own folder, which all nodes see. A task of which two attempts run does no harm: its unit's
lock lets one in, and the folder that is then there is the result of both.
"""

import shutil
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, wait
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from scripts.engines.attempts import Attempt, DiedError, NodeEngine, ShortOfMemoryError
from scripts.engines.boot import Answer, Begin
from scripts.engines.identity import write_identity
from scripts.engines.packing import packed, unpacked
from workspace.atomic import naming_write_errors
from workspace.errors import ArtifactError
from workspace.identity import REPOSITORY
from workspace.lock import LockedError, lock_of, locked
from workspace.orders import Needs
from workspace.progress import Desk
from workspace.stopping import Stopped

FOLDER = ".engine"  # of the run; hidden, so that nothing takes it for a result
ATTEMPTS = 4
DELAY_S = 1.0  # before the second; each further one waits twice as long
AGAIN_S = 1.0  # how often those that are to stop are asked
GRACE_S = 30.0  # as long as SLURM gives between its two signals


class OtherNodes:
    """An executor of whatever nodes an engine has; it is connected to when there is work."""

    def __init__(self, engine: NodeEngine, run: Path, desk: Desk) -> None:
        self._engine, self._run, self._desk = engine, run, desk
        self._lock = threading.RLock()
        self._running: list[Attempt] = []
        self._later: list[tuple[float, Attempt]] = []  # when they begin anew
        self._gathered: list[Attempt] | None = None
        self._ending, self._stopping = threading.Event(), False
        self._watcher: threading.Thread | None = None
        self._open = ExitStack()
        self._shared: dict[str, Any] = {}  # what all parcels say
        self._count = 0

    def side_by_side(self, needs: Sequence[Needs]) -> int:
        return self._engine.side_by_side(needs)

    @contextmanager
    def together(self) -> Iterator[None]:
        self._gathered = []
        try:
            yield
            if self._gathered:
                self._begin(self._gathered)
        finally:
            self._gathered = None

    def submit(self, function: Callable[..., Any], /, *arguments: Any) -> Future[Any]:
        if self._watcher is None:
            self._connect()
        order = arguments[0] if arguments else None
        needs, name = getattr(order, "needs", Needs()), str(getattr(order, "folder", "a task"))
        attempt = Attempt(name, needs, packed((function, arguments)))
        attempt.future.set_running_or_notify_cancel()
        if self._gathered is None:
            self._begin([attempt])
        else:
            self._gathered.append(attempt)
        return attempt.future

    def stop(self) -> None:
        """Ask those at work to unwind, wait until they have, and end what has not."""
        with self._lock:
            self._stopping = True
            for _, attempt in self._later:
                attempt.future.set_exception(ArtifactError(f"{attempt.name} was not begun anew."))
            self._later.clear()
        until = time.monotonic() + GRACE_S
        while self._running and self._watcher is not None and time.monotonic() < until:
            with self._lock:
                asked = list(self._running)
                self._engine.interrupt(asked)
            wait([attempt.future for attempt in asked if attempt.node], timeout=AGAIN_S)
            if not any(attempt.node for attempt in self._running):
                break  # the others had not begun
        self.close()

    def close(self) -> None:
        self._ending.set()
        if self._watcher is not None:
            self._watcher.join()
            self._watcher = None
        if self._running:
            self._engine.kill(self._running)
        for attempt in self._running:
            attempt.finish()
        self._running.clear()
        self._engine.close()
        self._open.close()

    def _connect(self) -> None:
        """Only now: a call that finds all done needs no node."""
        self._ending.clear()
        self._stopping = False
        try:
            folder = self._open.enter_context(_folder_of_call(self._run))
            token = folder.name
            write_identity(folder, token)
            self._shared = {
                "repository": str(REPOSITORY),
                "place": str(Path.cwd()),
                "folder": str(folder),
                "token": token,
                "environment": {},
                "sigint": self._engine.by_sigint,
                "letters": "",
                "call": None,
            }
            self._engine.connect(folder, Begin(self._shared))
        except BaseException:
            self.close()
            raise
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()

    def _begin(self, attempts: Sequence[Attempt]) -> None:
        with self._lock:
            for attempt in attempts:
                self._count += 1
                letters = f"{self._count}.jsonl"
                attempt.expect(Path(self._shared["folder"]) / letters, self._desk)
                attempt.begin = Begin(
                    {
                        **self._shared,
                        "environment": self._engine.environment(attempt.needs),
                        "letters": letters,
                        "call": attempt.call,
                    }
                )
            try:
                self._engine.begin(attempts)
            finally:  # of several arrays the last may be refused
                self._running += [one for one in attempts if one.handle is not None]

    def _watch(self) -> None:
        while not self._ending.wait(self._engine.every_s):
            with self._lock:
                try:
                    self._turn()
                except Exception as error:  # handed to all who wait: this thread has no caller
                    for attempt in self._running:
                        attempt.fail(error)
                    with suppress(Exception):  # perhaps of what broke
                        self._engine.kill(self._running)
                    self._running.clear()

    def _turn(self) -> None:
        for attempt in self._running:
            attempt.read()
        for attempt in self._engine.ended(self._running):
            self._running.remove(attempt)
            attempt.read()
            attempt.finish()
            try:
                self._take(attempt, self._engine.answer(attempt))
            except DiedError as died:
                self._begin_anew(attempt, str(died), isinstance(died, ShortOfMemoryError))
            except Exception as error:  # handed to who waits for it; others go on
                attempt.fail(error)
        self._begin_due()

    def _begin_due(self) -> None:
        now = time.monotonic()
        due = [attempt for when, attempt in self._later if when <= now]
        if due:
            self._later = [(when, one) for when, one in self._later if when > now]
            try:
                self._begin(due)
            except Exception as error:  # the engine takes them no more
                for attempt in due:
                    if attempt.handle is None:
                        attempt.fail(error)

    def _take(self, attempt: Attempt, answer: Answer) -> None:
        kind, value = answer
        if kind == "done":
            attempt.future.set_result(unpacked(value))
        elif kind == "failed":
            error, trace = unpacked(value)
            error.__cause__ = RemoteError(trace)
            attempt.fail(error)
        elif kind == "refused":
            attempt.fail(ArtifactError(value))
        elif self._stopping:
            attempt.fail(Stopped(value))
        else:
            self._begin_anew(attempt, "it was asked to stop, not by this call")

    def _begin_anew(self, attempt: Attempt, why: str, is_short: bool = False) -> None:
        """What died with its process or node, elsewhere and a little later."""
        node = attempt.node or "a node"
        if self._stopping or attempt.number == ATTEMPTS:
            attempt.fail(
                ArtifactError(
                    f"{attempt.name} was begun {attempt.number} times and died each time, last on "
                    f"{node} ({why}); what others finish is kept, the same command goes on."
                )
            )
            return
        delay = DELAY_S * 2 ** (attempt.number - 1)
        attempt.begin_elsewhere()
        if is_short:
            attempt.take_more_memory()
        more = " with twice the memory" if is_short else ""
        self._desk.say(
            f"notice: {attempt.name} died with its process on {node} ({why}); begun anew in "
            f"{delay:.0f} s{more}, attempt {attempt.number} of {ATTEMPTS}."
        )
        self._later.append((time.monotonic() + delay, attempt))


class RemoteError(Exception):
    """Where an error was raised on another node, for its traceback."""

    def __str__(self) -> str:
        return f'\n"""\n{self.args[0]}"""'


@contextmanager
def _folder_of_call(run: Path) -> Iterator[Path]:
    """What the nodes of this call share, gone when it ends; its lock says that it goes on."""
    parent = (run / FOLDER).resolve()
    folder = parent / uuid.uuid4().hex[:12]
    with suppress(FileNotFoundError):  # or taken away a moment ago, by a call that ended
        _clear_of_killed_calls(parent)
    with locked(lock_of(folder), str(folder)):
        try:
            with naming_write_errors(folder):
                folder.mkdir()
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    with suppress(OSError):  # another call's is there
        parent.rmdir()


def _clear_of_killed_calls(parent: Path) -> None:
    for folder in [path for path in parent.iterdir() if path.is_dir()]:
        with suppress(LockedError), locked(lock_of(folder), str(folder)):
            shutil.rmtree(folder, ignore_errors=True)
