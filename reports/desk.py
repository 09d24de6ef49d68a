"""The person at the console: lines, tables, bars with the time left.

Where there is no terminal (cron, a cluster's log, a notebook), bars become plain lines: one when a
task begins, and one every half minute of how far it is. All of it goes into the run's log too.
"""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from reports.console import drawn
from reports.logged import lines_of
from reports.table import Table
from workspace.progress import Show
from workspace.stopping import raise_if_asked
from workspace.units import Unit

LOG = logging.getLogger("dermstack")
LOG.addHandler(logging.NullHandler())  # until the run directory is known
EVERY_S = 30.0


class ConsoleDesk:
    """A person who reads this process's console."""

    def __init__(self, console: Console, stage: str = "", every_s: float = EVERY_S) -> None:
        self.console, self._stage, self._every_s = console, stage, every_s
        self._bars: Progress | None = None
        self._open = 0
        self._lock = threading.RLock()  # bars of several workers come and go at once

    def say(self, message: str, *, private: bool = False, **facts: object) -> None:
        self.console.print(message, markup=False, highlight=False, soft_wrap=True)
        logged = " ".join(map(str, facts.values())) if private else message
        LOG.info(logged, extra={"facts": facts})

    def table(self, table: object) -> None:
        assert isinstance(table, Table)
        self.console.print(drawn(table))
        if table.console_note:
            self.say(f"notice: {table.console_note}")

    def begin(
        self, stage: str, folder: Path, number: tuple[int, int], left_s: float | None
    ) -> None:
        """A line, where there are no bars; the time left is that of all tasks of the stage."""
        if self.console.is_terminal:
            return
        at, total = number
        name = f"{folder.parent.name}/{folder.name}" if folder.name.isdigit() else folder.name
        about = f", about {in_words(left_s)} left" if left_s is not None and left_s >= 1 else ""
        if total > 1:
            self.say(f"{stage}: {at} of {total}, {name}{about}.")
        else:
            self.say(f"{stage}: making {folder}.")

    def made(self, unit: Unit) -> None:
        for message, facts in lines_of(unit):
            LOG.info(message, extra={"facts": facts})

    @contextmanager
    def progress(self, label: str) -> Iterator[Show]:
        if self.console.is_terminal:
            with self._bar(label) as show:
                yield show
        else:
            yield self._lines(label)

    @contextmanager
    def _bar(self, label: str) -> Iterator[Show]:
        bars, bar = self._open_bar(label)

        def show(done: int, total: int) -> None:
            raise_if_asked()
            bars.update(bar, completed=done, total=total)

        try:
            yield show
        finally:
            self._close_bar(bar)

    def _open_bar(self, label: str) -> tuple[Progress, TaskID]:
        with self._lock:
            if self._bars is None:
                self._bars = Progress(
                    TextColumn("{task.description}"),
                    BarColumn(),
                    MofNCompleteColumn(),
                    TimeElapsedColumn(),
                    TextColumn("left"),
                    TimeRemainingColumn(),
                    console=self.console,
                    transient=True,
                )
                self._bars.start()
            self._open += 1
            return self._bars, self._bars.add_task(label, total=None)

    def _close_bar(self, bar: TaskID) -> None:
        with self._lock:
            assert self._bars is not None
            self._bars.remove_task(bar)
            self._open -= 1
            if self._open == 0:
                self._bars.stop()
                self._bars = None

    def _lines(self, label: str) -> Show:
        """How far it is, now and then."""
        began = said = time.monotonic()
        first: int | None = None  # what was done before this call began

        def show(done: int, total: int) -> None:
            nonlocal said, first
            raise_if_asked()
            now = time.monotonic()
            first = done if first is None else first
            if now - said >= self._every_s:
                said = now
                pace = (done - first) / (now - began)
                left = f", {in_words((total - done) / pace)} left" if pace > 0 else ""
                self.say(f"{self._stage}: {label}: {done} of {total}{left}.")

        return show


def in_words(seconds: float) -> str:
    """`8 s`, `3 min 20 s`, `2 h 5 min`."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
