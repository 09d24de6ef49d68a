"""The desk of a worker: what it says travels, and whoever gave the work shows it.

How it travels (a pipe, a shared folder) is the engine's own affair.
"""

from abc import abstractmethod
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workspace.progress import Desk, Show
from workspace.stopping import Stopped, raise_if_asked

if TYPE_CHECKING:  # with it polars would be loaded, before the worker knows its cores
    from workspace.units import Unit


class RemoteDesk:
    """What a worker says, as messages."""

    @abstractmethod
    def send(self, *message: object) -> None:
        """On its way to the person."""

    def say(self, message: str, *, private: bool = False, **facts: object) -> None:
        self.send("say", message, {"private": private, **facts})

    def table(self, table: object) -> None:
        """Only stages show tables."""

    def begin(
        self, stage: str, folder: Path, number: tuple[int, int], left_s: float | None
    ) -> None:
        """Only whoever gives tasks out says so."""

    def made(self, unit: "Unit") -> None:
        """The same."""

    @contextmanager
    def progress(self, label: str) -> Iterator[Show]:
        def show(done: int, total: int) -> None:
            raise_if_asked()
            self.send("show", label, done, total)

        try:
            yield show
        finally:
            self.send("ended", label)


@contextmanager
def showing(desk: Desk) -> Iterator[Callable[..., None]]:
    """Yield what shows a worker's messages, each label as a bar of its own until it ends."""
    bars: dict[str, Show] = {}
    with ExitStack() as still:

        def show(what: str, *rest: Any) -> None:
            if what == "say":
                desk.say(rest[0], **rest[1])
            elif what == "show":
                label, done, total = rest
                if label not in bars:
                    bars[label] = still.enter_context(desk.progress(label))
                with suppress(Stopped):  # the main thread has the same news
                    bars[label](done, total)
            else:
                bars.clear()
                still.close()

        yield show
