"""The desk of a worker on another node: lines in a file of its own, in the folder all share.

A file for each attempt, so that none writes into another's. It is opened anew for each line: so a
network file system shows it to others at once.
"""

import json
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from scripts.engines.remote_desk import RemoteDesk

EVERY_S = 0.5  # a bar that moves more often costs the file system more than it shows


class WritingDesk(RemoteDesk):
    """In the worker."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._path, self._clock = path, clock
        self._shown: dict[str, float] = {}

    def send(self, *message: object) -> None:
        if message[0] == "show" and self._is_too_early(*message[1:]):
            return
        # What cannot be said stops no work; a full disk is noticed where results are written.
        with suppress(OSError), self._path.open("a") as file:
            file.write(json.dumps(message, default=str) + "\n")

    def _is_too_early(self, *shown: Any) -> bool:
        label, done, total = shown
        now = self._clock()
        if done < total and now - self._shown.get(label, -EVERY_S) < EVERY_S:
            return True
        self._shown[label] = now
        return False


class Letters:
    """With the caller: the lines that came since it looked last."""

    def __init__(self, path: Path) -> None:
        self._path, self._read = path, 0

    def new(self) -> list[list[Any]]:
        try:
            with self._path.open("rb") as file:
                file.seek(self._read)
                data = file.read()
        except OSError:  # nothing was written yet
            return []
        whole = data[: data.rfind(b"\n") + 1]
        self._read += len(whole)
        return [letter for line in whole.splitlines() if (letter := _parsed(line))]


def _parsed(line: bytes) -> list[Any] | None:
    """A full disk may have cut a line in its middle, to which the next one was then added."""
    try:
        letter: list[Any] = json.loads(line)
    except ValueError:
        return None
    return letter
