"""How the ranks of several machines find one another: one owns the unit and offers, others join.

The offer is a small file beside the checkpoints: where the owner's store listens, of which attempt,
and what must be equal. The store counts who comes, says when all are there, and who was lost. The
owner is always number 0, so that the first rank is its own.
"""

import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

from torch.distributed import DistError, TCPStore  # type: ignore[attr-defined] # documented, and re-exported

from workspace.atomic import replacing_file
from workspace.errors import ArtifactError, ConfigError, DermstackError
from workspace.identity import Identity, of_this_process
from workspace.lock import owner_of
from workspace.progress import Desk

LOOPBACK = "127.0.0.1"
LOOK_S, TOLD_S = 0.5, 30.0  # how often to look who is there, and to say who is not
SETTLE_S = 10.0  # for the reason of a machine whose ranks are gone
ANSWER_S = 60.0  # of a store, and of machines that have said that they are there
BEAT_S, SILENT_S = 2.0, 120.0  # how often a machine gives a sign of life, and when it has none
KEEP_ALIVE_S = 300  # how often the only machine of an agent's file writes into it
NOT_SHARED = "TORCH_DISABLE_SHARE_RDZV_TCP_STORE"
COME, GO, LOST, REFUSED, WHY = "come", "go", "lost", "refused", "why"  # what is in the store


@dataclass(frozen=True)
class Meeting:
    """Where the ranks of one attempt find one another; by itself they are all of one machine."""

    id: str = field(default_factory=lambda: uuid4().hex)
    nodes: int = 1
    number: int = 0  # of this machine
    address: str = ""
    store: TCPStore | None = None
    folder: str = ""  # of one machine: its agent and its ranks meet in files

    @property
    def file(self) -> str | None:
        """Where ranks of one machine meet."""
        return f"{self.folder}/ranks" if self.folder else None

    def launch(self) -> dict[str, Any]:
        """What torch's agent is to know of it."""
        size = {"run_id": self.id, "min_nodes": self.nodes, "max_nodes": self.nodes}
        if self.store is None:
            return {
                **size, "rdzv_backend": "c10d", "rdzv_endpoint": f"{self.folder}/agent",
                "rdzv_configs": {"store_type": "file", "keep_alive_interval": KEEP_ALIVE_S},
                "local_addr": LOOPBACK,
            }  # fmt: skip
        configs = {"rank": self.number, "timeout": int(ANSWER_S)}
        return {
            **size, "rdzv_backend": "static", "rdzv_endpoint": self.address,
            "rdzv_configs": configs,
        }  # fmt: skip

    @contextmanager
    def losing(self) -> Iterator[Callable[[], None]]:
        """Yield what tells others that this machine's ranks are gone; an error tells it too."""
        try:
            yield self._lose
        except BaseException:
            self._lose()
            raise

    def _lose(self) -> None:
        if self.store is not None:
            with suppress(DistError):
                self.store.add(LOST, 1)

    def refuse(self, error: BaseException) -> None:
        """Tell the owner what this machine failed with; before it is lost."""
        if self.store is not None and isinstance(error, Exception):
            ours = isinstance(error, DermstackError)
            with suppress(DistError):
                self.store.set(WHY, str(error) if ours else "a bug, shown there.")
                self.store.add(REFUSED, 1)

    def raise_if_refused(self) -> None:
        """At the owner, what another machine failed with: another attempt does not mend it.

        All are asked, for a moment: one that was killed says nothing.
        """
        if self.store is None:
            return
        until = time.monotonic() + SETTLE_S
        while self.store.add(LOST, 0) < self.nodes and time.monotonic() < until:
            time.sleep(LOOK_S)
        if self.store.add(REFUSED, 0):
            raise ArtifactError(f"Another machine stopped: {self.store.get(WHY).decode()}")


@contextmanager
def private_folder() -> Iterator[str]:
    """Where an agent and its ranks find each other, which nobody else may read.

    Torch's own store listens on every interface, and runs what anybody puts into it.
    """
    with TemporaryDirectory(prefix="ranks-") as folder:
        before = os.environ.get(NOT_SHARED)
        os.environ[NOT_SHARED] = "1"  # or the agent begins a store that listens
        try:
            yield folder
        finally:
            del os.environ[NOT_SHARED]
            if before is not None:
                os.environ[NOT_SHARED] = before


@dataclass(frozen=True)
class Crew:
    """The machines that train a unit together, as this one's call knows them."""

    nodes: int
    offer: Path  # where it is offered
    terms: Mapping[str, str]  # what was asked for, as it is typed; equal on all

    @contextmanager
    def gathered(self, attempt: int, desk: Desk, title: str) -> Iterator[Meeting]:
        """At the owner: an attempt is offered, and all machines are there."""
        store = _store(LOOPBACK, 0, is_ours=True)
        offer = Offer.of_this_process(store.port, attempt, self.terms)
        try:
            with replacing_file(self.offer) as aside:
                aside.write_text(json.dumps(asdict(offer)))
            self._await(store, desk, title)
        finally:
            self.offer.unlink(missing_ok=True)
        yield Meeting(offer.id, self.nodes, 0, f"{LOOPBACK}:{store.port}", store)

    def _await(self, store: TCPStore, desk: Desk, title: str) -> None:
        began = said_at = time.monotonic()
        while (missing := self.nodes - 1 - store.add(COME, 0)) > 0:
            time.sleep(LOOK_S)
            if time.monotonic() - said_at >= TOLD_S:
                said_at = time.monotonic()
                desk.say(
                    f"{title}: {said_at - began:.0f} s, and {missing} of {self.nodes} machines are "
                    "missing; call the same there, or stop this with Ctrl-C."
                )
        store.add(GO, 1)

    def offers(self, lock: Path) -> "Iterator[Offer]":
        """At another machine: each offer once, until nobody holds the unit's lock."""
        seen = set[str]()
        while (owner := owner_of(lock)) is not None:
            offer = Offer.read(self.offer)
            if offer is None or offer.owner != owner or offer.id in seen:
                time.sleep(LOOK_S)
                continue
            offer.refuse_unlike(self.terms)
            seen.add(offer.id)
            yield offer

    @contextmanager
    def joined(self, offer: "Offer", lock: Path) -> Iterator[Meeting | None]:
        """With a number of its own, once all are there; None where it came too late."""
        meeting = None
        with suppress(DistError):  # the owner is gone, or has stopped
            store = _store(offer.address, offer.port)
            if (number := store.add(COME, 1)) < self.nodes:
                while not (all_there := store.add(GO, 0)) and owner_of(lock) == offer.owner:
                    time.sleep(LOOK_S)
                address = f"{offer.address}:{offer.port}"
                if all_there:
                    meeting = Meeting(offer.id, self.nodes, number, address, store)
        yield meeting


@dataclass(frozen=True)
class Offer:
    """What the owner of a unit writes down for those who may join its ranks."""

    owner: str  # as its lock says it
    host: str
    port: int
    id: str
    attempt: int
    terms: Mapping[str, str]
    identity: Mapping[str, Any]

    @classmethod
    def of_this_process(cls, port: int, attempt: int, terms: Mapping[str, str]) -> "Offer":
        host = socket.gethostname()
        owner = f"pid {os.getpid()} on {host}"
        identity = asdict(of_this_process())
        return cls(owner, host, port, uuid4().hex, attempt, dict(terms), identity)

    @classmethod
    def read(cls, path: Path) -> "Offer | None":
        try:
            return cls(**json.loads(path.read_text()))
        except (OSError, ValueError, TypeError):  # none, or one of other code
            return None

    @property
    def address(self) -> str:
        return LOOPBACK if self.host == socket.gethostname() else self.host

    def refuse_unlike(self, terms: Mapping[str, str]) -> None:
        """One sentence where this call, or this machine, is not as the owner."""
        other = [n for n in {**self.terms, **terms} if self.terms.get(n) != terms.get(n)]
        if other:
            ours, theirs = ([f"{n}={of.get(n)}" for n in other] for of in (terms, self.terms))
            raise ConfigError(
                f"{self.owner} trains this network with {', '.join(theirs)}, and this call has "
                f"{', '.join(ours)}; call the same on all machines."
            )
        if differences := Identity(**self.identity).differences(of_this_process()):
            raise ArtifactError(
                f"{socket.gethostname()} has {differences} ({self.owner}); bring its code and its "
                "environment to the caller's, then call again."
            )


def watch_others(end: Callable[[], object]) -> None:
    """In a rank: call `end` once another machine gives no sign of life, or says that it is lost.

    One rank of each machine does; what it ends ends those beside it.
    """
    nodes, number = int(os.environ["GROUP_WORLD_SIZE"]), int(os.environ["GROUP_RANK"])
    if nodes == 1 or os.environ["LOCAL_RANK"] != "0":
        return
    others = [one for one in range(nodes) if one != number]
    threading.Thread(target=_watch, args=(number, others, end), daemon=True).start()


def _watch(number: int, others: list[int], end: Callable[[], object]) -> None:
    with suppress(DistError):  # the owner's store is gone, and so is the owner
        store = _store(os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"]))
        beats = {one: (0, time.monotonic()) for one in others}
        while not store.add(LOST, 0) and not _silent(beats):
            store.add(f"beat {number}", 1)
            for one, (before, _) in list(beats.items()):
                if (now := store.add(f"beat {one}", 0)) != before:
                    beats[one] = now, time.monotonic()
            time.sleep(BEAT_S)
    end()


def _silent(beats: Mapping[int, tuple[int, float]]) -> list[int]:
    now = time.monotonic()
    return [one for one, (_, last) in beats.items() if now - last > SILENT_S]


def _store(host: str, port: int, *, is_ours: bool = False) -> TCPStore:
    return TCPStore(
        host, port, is_master=is_ours, timeout=timedelta(seconds=ANSWER_S),
        wait_for_workers=False, multi_tenant=True,
    )  # fmt: skip
