"""A stage that dies by kill -9 just before it changes a file, at a boundary that is asked for.

Python tells an audit hook of every opening for writing, rename, removal and new folder before it
happens. So no boundary is missed, however busy the machine is, and none is hit by luck. A boundary
is known by what happens and to which name, numbers aside: `rename run/networks/alone_fold_#`, and
the names of a bundle's sources.
"""

import os
import re
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.launcher import become

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
# The event, and where among its arguments stand the path and the folder that it is relative to.
CHANGES = {
    "os.rename": (1, 3),
    "os.mkdir": (0, 2),
    "os.remove": (0, 1),
    "os.rmdir": (0, 1),
    "os.link": (1, 3),
    "os.truncate": (0, None),
}
NUMBERS = re.compile(r"[0-9a-f]{8,}|\d+")
SOURCES = re.compile(r"(?<=/code/)(\w+)/.*")  # of a bundle: hundreds of a room are copied alike


@dataclass(frozen=True)
class Death:
    """Below which folder changes count, at which boundaries to die, and where it is said."""

    folder: Path
    at: frozenset[str] | None  # None: at any; none at all: only write the diary
    spared: frozenset[str]
    diary: Path  # a line for each boundary that was met first; the last is where it died


def nothing() -> None:
    """What most stages do first."""


def die(
    first: Callable[[], None], death: Death, stage: str, words: list[str], environment: dict,
    said: tuple,
) -> None:  # fmt: skip
    """As `tests.launcher.become`, until the boundary comes."""
    first()
    await_death(death)
    become(stage, words, environment, said)


def await_death(death: Death) -> None:
    """From here on this process dies at the first of these boundaries that is not spared."""
    diary = os.open(death.diary, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    met = set()

    def hook(event: str, arguments: tuple) -> None:
        name = boundary(death.folder, event, arguments)
        if name is None or name in met or name in death.spared:
            return
        met.add(name)
        os.write(diary, f"{name}\n".encode())
        if death.at is None or name in death.at:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def boundary(folder: Path, event: str, arguments: tuple) -> str | None:
    """The boundary's name, if this event changes a file below the folder."""
    if event == "open":
        path, _, flags = arguments
        if isinstance(path, int) or not flags & WRITING:
            return None
        return _named("open", folder, path, None)
    if event not in CHANGES:
        return None
    at, of = CHANGES[event]
    return _named(event[3:], folder, arguments[at], None if of is None else arguments[of])


def _named(what: str, folder: Path, path: object, opened: int | None) -> str | None:
    if isinstance(path, int):
        return None
    text = os.fsdecode(path)
    if opened is not None and opened >= 0:  # an absolute path stays what it is
        text = os.path.join(Path(f"/proc/self/fd/{opened}").readlink(), text)
    inside = os.path.relpath(text, folder)
    if inside.startswith(".."):
        return None
    return what + " " + SOURCES.sub(r"\1/*", NUMBERS.sub("#", inside))
