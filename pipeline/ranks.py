"""One network trained by several processes, which torch's elastic agent begins and begins again.

Reads what one process would and writes its checkpoints, the first rank alone; whoever began them
goes on from the last as if it had been alone, so that nothing is scored or kept twice. A rank that
dies takes the others with it; all are begun again and go on from the last checkpoint. Those of
other machines (NODES=) only compute.
"""

import logging
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from torch.distributed import DistError
from torch.distributed.elastic.multiprocessing.api import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from models.training.ranks import Ranks, is_of_lost_rank, join_ranks, leave_ranks
from pipeline.rendezvous import Crew, Meeting, private_folder, watch_others
from workspace.errors import ArtifactError, DermstackError
from workspace.machine import divide
from workspace.progress import Desk, Show, quietly
from workspace.stopping import Stopped, is_asked, stopping_as_child

LOG = logging.getLogger("dermstack")
RESTARTS = 3
SHORT = ", as when memory is short"
LOST, FAILED = 75, 76  # how a rank ends that lost another, and one that has said why
AGENT_SIGNALS = (signal.SIGHUP, signal.SIGQUIT)  # that the agent may have: those of a stop are ours

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


@dataclass(frozen=True)
class Team:
    """The ranks of this machine, and what they are to do."""

    count: int
    device: str
    work: Work
    title: str


def train_among(team: Team, desk: Desk, crew: Crew | None = None) -> None:
    """Have the ranks do their work, with those of a crew's machines; on return all is done."""
    for again in range(RESTARTS + 1):
        with _meeting(crew, again, desk, team.title) as meeting:
            death = _attempt(team, desk, meeting)
            if death is None:
                return
            meeting.raise_if_refused()
        if again < RESTARTS:
            desk.say(
                f"WARNING: {death}; all go on from the last checkpoint "
                f"({again + 1} of {RESTARTS} times)."
            )
    raise ArtifactError(
        f"{death}, now for the {RESTARTS + 1}th time; the last checkpoint is kept: the same "
        "command goes on, with fewer DEVICES if it must."
    )


def join_among(team: Team, desk: Desk, crew: Crew, lock: Path) -> None:
    """Have the ranks help the owner of this lock, whenever it offers that; until it is free."""
    for offer in crew.offers(lock):
        with crew.joined(offer, lock) as meeting:
            if meeting is None:
                continue
            desk.say(
                f"{team.title}: with {offer.owner}, as machine {meeting.number + 1} of "
                f"{meeting.nodes}."
            )
            if death := _attempt(team, desk, meeting):
                desk.say(f"notice: {death}; waiting for the owner to begin again.")


@contextmanager
def _meeting(crew: Crew | None, attempt: int, desk: Desk, title: str) -> Iterator[Meeting]:
    if crew is None:
        with private_folder() as folder:
            yield Meeting(folder=folder)
        return
    with crew.gathered(attempt, desk, title) as meeting:
        yield meeting


def _attempt(team: Team, desk: Desk, meeting: Meeting) -> str | None:
    """One attempt of all ranks; in words which of them died, if one did."""
    with _heard(desk, team.title) as (theirs, errors), meeting.losing() as lose:
        death = _begin(team, meeting, theirs)
        for error in errors[:1]:
            meeting.refuse(error)
        if death is not None or errors:
            lose()
    if errors and isinstance(errors[0], Stopped) and meeting.nodes > 1 and not is_asked():
        return f"A machine of {team.title} was asked to stop"
    if errors:
        raise errors[0]
    return death


def _begin(team: Team, meeting: Meeting, theirs: "Connection[Any, Any]") -> str | None:
    """Begin them and wait for their end; who of them was killed, if one was."""
    config = LaunchConfig(
        **meeting.launch(), nproc_per_node=team.count, max_restarts=0,
        signals_to_handle=",".join(one.name for one in AGENT_SIGNALS),
    )  # fmt: skip
    try:
        with _signals_as_they_were(), _torch_silent():
            elastic_launch(config, _be_rank)(team.device, team.work, theirs, meeting.file)
    except ChildFailedError as error:
        number, first = error.get_first_failure()
        if first.exitcode == LOST:
            return f"A rank of {team.title} died{SHORT}"
        if first.exitcode < 0:
            return f"Rank {number} of {team.title} was killed ({first.signal_name()}){SHORT}"
        if first.exitcode != FAILED:
            raise
    except SignalException as error:
        raise Stopped(error.sigval) from error
    except DistError:
        return f"A machine of {team.title} came and went"
    return None


def _be_rank(device: str, work: Work, theirs: "Connection[Any, Any]", file: str | None) -> None:
    """A rank from its first to its last moment."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    watch_others(lambda: os._exit(LOST))
    if os.environ["GROUP_WORLD_SIZE"] == "1":
        # Nobody is to be asked who this machine is: the ranks of one are on it.
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo0" if sys.platform == "darwin" else "lo")
    divide(int(os.environ["LOCAL_WORLD_SIZE"]))
    try:
        with stopping_as_child():
            ranks = join_ranks(device, file)
            _log_through(theirs, ranks)
            work(ranks, Onwards(theirs, ranks.is_first))
            ranks.wait()
            leave_ranks()
    except (DermstackError, Stopped) as error:
        theirs.send(("failed", error))
        os._exit(FAILED)
    except Exception as error:  # sent on, whatever it is: a rank has nobody else to tell
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
    before = [(one, signal.getsignal(one)) for one in AGENT_SIGNALS]
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
