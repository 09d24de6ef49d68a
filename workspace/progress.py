"""How far long work is: whoever does it calls `show(done, total)`, whoever asked shows it.

A desk is where the person sits: on this side of the screen, or in the process that gave the work.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from workspace.units import Unit

Show = Callable[[int, int], None]


def quietly(done: int, total: int) -> None:
    """For a caller who has nobody to show it to."""


class Desk(Protocol):
    """Who is told what happens."""

    def say(self, message: str, *, private: bool = False, **facts: object) -> None:
        """One line for the person; the log has it too, or of a private one its facts alone."""

    def table(self, table: object) -> None:
        """A table of the reports' kind."""

    def progress(self, label: str) -> AbstractContextManager[Show]:
        """While something long runs; yields what shows how far it is."""

    def begin(
        self, stage: str, folder: Path, number: tuple[int, int], left_s: float | None
    ) -> None:
        """A unit is going to be made, `number` of how many; the time left for all of them."""

    def made(self, unit: "Unit") -> None:
        """A unit was made just now, in this call: for the log."""


class Silent:
    """A desk at which nobody sits."""

    def say(self, message: str, *, private: bool = False, **facts: object) -> None:
        pass

    def table(self, table: object) -> None:
        pass

    @contextmanager
    def progress(self, label: str) -> Iterator[Show]:
        yield quietly

    def begin(
        self, stage: str, folder: Path, number: tuple[int, int], left_s: float | None
    ) -> None:
        pass

    def made(self, unit: "Unit") -> None:
        pass
