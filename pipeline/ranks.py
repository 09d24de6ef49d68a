"""One network trained by several processes, which torch's elastic agent begins and begins again.

Reads what one process would and writes its checkpoints, the first rank alone; whoever began them
goes on from the last as if it had been alone, so that nothing is scored or kept twice. A rank that
dies takes the others with it; all are begun again and go on from the last checkpoint.
"""

import logging
import os
import signal
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection
from typing import Any
from uuid import uuid4

from torch.distributed.elastic.multiprocessing.api import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from models.training.ranks import Ranks, is_of_lost_rank, join_ranks, leave_ranks
from workspace.errors import ArtifactError, DermstackError
from workspace.machine import JOBS, jobs
from workspace.progress import Desk, Show, quietly
from workspace.stopping import Stopped, stopped_once

LOG = logging.getLogger("dermstack")
RESTARTS = 3
HERE = "127.0.0.1"
LOST, FAILED = 75, 76  # how a rank ends that lost another, and one that has said why
UNLOOKED = (signal.SIGHUP, signal.SIGQUIT)  # that the agent may have: those of a stop are ours

# What a rank does, with what it says of itself: where it is among them, and how far it is.
Work = Callable[[Ranks, "Onwards"], None]


@dataclass(frozen=True)
class Onwards:
    """The desk of a rank: the first one speaks, through whoever began it; the others are silent."""

    theirs: "Connection[Any, Any]"
    is_first: bool

    def say(self, message: str) -> None:
        if self.is_first:
            self.theirs.send(("say", message))

    @property
    def show(self) -> Show:
        return self._show if self.is_first else quietly

    def _show(self, done: int, total: int) -> None:
        self.theirs.send(("show", done, total))


def train_among(count: int, device: str, work: Work, desk: Desk, title: str) -> None:
    """Have so many ranks do this work; on return all of it is done."""
    for again in range(RESTARTS + 1):
        with _heard(desk, title) as (theirs, errors):
            death = _begin(count, title, (device, work, theirs))
        if errors:
            raise errors[0]
        if death is None:
            return
        if again < RESTARTS:
            desk.say(
                f"WARNING: {death}, as when memory is short; all go on from the last "
                f"checkpoint ({again + 1} of {RESTARTS} times)."
            )
    raise ArtifactError(
        f"{death} for the {RESTARTS + 1}th time, as when memory is short; the last "
        "checkpoint is kept: the same command goes on, with fewer DEVICES if it must."
    )


def _begin(count: int, title: str, given: tuple[Any, ...]) -> str | None:
    """Begin them and wait for their end; who of them was killed, if one was."""
    config = LaunchConfig(
        min_nodes=1, max_nodes=1, nproc_per_node=count, run_id=uuid4().hex, rdzv_backend="c10d",
        rdzv_endpoint=f"{HERE}:0", local_addr=HERE, max_restarts=0,
        signals_to_handle=",".join(one.name for one in UNLOOKED),
    )  # fmt: skip
    try:
        with _signals_as_they_were(), _torch_silent():
            elastic_launch(config, _be_rank)(*given)
    except ChildFailedError as error:
        number, first = error.get_first_failure()
        if first.exitcode == LOST:
            return f"A rank of {title} died"
        if first.exitcode < 0:
            return f"Rank {number} of {title} was killed ({first.signal_name()})"
        if first.exitcode != FAILED:
            raise
    except SignalException as error:
        raise Stopped(error.sigval) from error
    return None


def _be_rank(device: str, work: Work, theirs: "Connection[Any, Any]") -> None:
    """A rank from its first to its last moment."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    # Nobody is to be asked who this machine is: the ranks of one are on it.
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    os.environ[JOBS] = str(jobs() * int(os.environ["LOCAL_WORLD_SIZE"]))
    try:
        with stopped_once():
            ranks = join_ranks(device)
            _log_through(theirs, ranks)
            work(ranks, Onwards(theirs, ranks.is_first))
            ranks.wait()
            leave_ranks()
    except (DermstackError, Stopped) as error:
        theirs.send(("failed", error))
        os._exit(FAILED)
    except Exception as error:
        if is_of_lost_rank(error):
            os._exit(LOST)
        theirs.send(("failed", RuntimeError(f"a rank failed:\n{traceback.format_exc()}")))
        os._exit(FAILED)


def _end_with_parent() -> None:
    """A rank whose parent is gone ends at once."""
    parent = parent_process()
    assert parent is not None, "an agent began it"
    parent.join()
    os._exit(1)


def _log_through(theirs: "Connection[Any, Any]", ranks: Ranks) -> None:
    """The first rank's lines of the run's log are written by whoever began it."""
    if ranks.is_first:
        LOG.handlers, LOG.propagate = [_Through(theirs)], False
        LOG.setLevel(logging.INFO)


class _Through(logging.Handler):
    def __init__(self, theirs: "Connection[Any, Any]") -> None:
        super().__init__()
        self._theirs = theirs

    def emit(self, record: logging.LogRecord) -> None:
        facts = getattr(record, "facts", {})
        self._theirs.send(("log", record.levelno, record.getMessage(), facts))


@contextmanager
def _heard(desk: Desk, title: str) -> Iterator[tuple["Connection[Any, Any]", list[BaseException]]]:
    """What ranks say is shown; yields what they write to, and what they failed with."""
    ours, theirs = get_context("spawn").Pipe(duplex=False)
    errors: list[BaseException] = []
    with desk.progress(title) as show:
        listener = threading.Thread(target=_listen, args=(ours, desk, show, errors))
        listener.start()
        try:
            yield theirs, errors
        finally:
            theirs.close()
            listener.join()


def _listen(
    ours: "Connection[Any, Any]", desk: Desk, show: Show,
    errors: list[BaseException],
) -> None:  # fmt: skip
    with suppress(EOFError, OSError):
        while True:
            what, *rest = ours.recv()
            if what == "say":
                desk.say(*rest)
            elif what == "log":
                level, message, facts = rest
                LOG.log(level, message, extra={"facts": facts})
            elif what == "failed":
                errors.append(rest[0])
            else:
                with suppress(Stopped):  # the main thread has the same news
                    show(*rest)


@contextmanager
def _signals_as_they_were() -> Iterator[None]:
    before = [(one, signal.getsignal(one)) for one in UNLOOKED]
    try:
        yield
    finally:
        for one, handler in before:
            with suppress(ValueError):  # in a thread the agent took none
                signal.signal(one, handler)


@contextmanager
def _torch_silent() -> Iterator[None]:
    """Its agent logs pages about a rank that ended; what there is to know of it is said here."""
    torchs = logging.getLogger("torch")
    before = torchs.level
    torchs.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        torchs.setLevel(before)
