"""Plain lines for who reads a log: the time since the start, what is done, how far it is.

A line at most every few seconds while something long runs, whatever reads them.
"""

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from workspace.progress import Show
from workspace.stopping import raise_if_asked
from workspace.units import Unit

EVERY_S = 10.0
OF_MAKE = {
    "with DATA=": "with --input", "in DATA": "in the input", "of DATA": "of the input",
    "DEVICE=": "--device ", "JOBS=": "--processes",
    'SET="data.images=none"': "--input of a folder without pictures",
}  # fmt: skip
# What made the run is not here.
RUN_MAKE = re.compile(r"run 'make [\w-]+(?: FRESH=1)?'(?: first| again| anew)?")


def nothing() -> None:
    """Whatever runs may go on."""


class PlainDesk:
    """Lines on the standard output, each flushed: a notebook shows them as they come."""

    def __init__(self, started: float, every_s: float = EVERY_S) -> None:
        self._started, self._every_s = started, every_s
        self._lock = threading.Lock()
        self._check = nothing

    def asks(self, check: Callable[[], None]) -> None:
        """Before long work goes on: what raises where it must not."""
        self._check = check

    def say(self, message: str, *, private: bool = False, **facts: object) -> None:
        seconds = int(time.monotonic() - self._started)
        with self._lock:
            print(f"[{seconds // 60:3d}:{seconds % 60:02d}] {in_its_words(message)}", flush=True)

    def table(self, table: object) -> None:
        raise AssertionError("nothing here draws tables")

    @contextmanager
    def progress(self, label: str) -> Iterator[Show]:
        begun = last = time.monotonic()

        def show(done: int, total: int) -> None:
            nonlocal last
            raise_if_asked()
            self._check()
            now = time.monotonic()
            if now - last < self._every_s and done < total:
                return
            if done == total and now - begun < self._every_s:
                return  # it was short: who began it says what came of it
            last = now
            left = (now - begun) / max(done, 1) * (total - done)
            self.say(
                f"{label}: {done:,} of {total:,}" + (f", {as_time(left)} left" if left else "")
            )

        yield show

    def begin(
        self, stage: str, folder: Path, number: tuple[int, int], left_s: float | None
    ) -> None:
        pass

    def made(self, unit: Unit) -> None:
        pass


def as_time(seconds: float) -> str:
    """As people say it: `40 s`, `3 min`, `2 h 5 min`."""
    if seconds < 119.5:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"


def in_its_words(sentence: str) -> str:
    """As whoever calls `submit.py` has the words that errors of the rooms have for `make`."""
    for of_make, own in OF_MAKE.items():
        sentence = sentence.replace(of_make, own)
    return RUN_MAKE.sub("make the bundle anew", sentence)
