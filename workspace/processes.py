"""Processes beside this one, which end with it: for work that threads do one after another.

Spawned, not forked: polars and LightGBM may hang in a forked process. A spawned one imports the
program's first module anew, so a script that asks for several keeps its own work below
`if __name__ == "__main__"`.
"""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Protocol, TypeVar

from workspace.errors import ArtifactError

A = TypeVar("A")
B = TypeVar("B")


class Map(Protocol):
    """What Python's own `map` is for one iterable."""

    def __call__(self, function: Callable[[A], B], items: Iterable[A], /) -> Iterator[B]:
        """Results in the order of the items."""


@contextmanager
def mapping(processes: int) -> Iterator[Map]:
    """`map` by so many processes, or in this one, where it is one."""
    if processes == 1:
        yield map
        return
    pool = ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"), _begin)
    try:
        yield pool.map
    except BrokenProcessPool as error:
        raise ArtifactError(
            "A process beside this one was killed, perhaps for want of memory; the same command "
            "goes on, and with JOBS=1 it needs less."
        ) from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _begin() -> None:
    """Who asks all processes to stop asks the parent too, which ends this one."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=end_with_parent, daemon=True).start()


def end_with_parent() -> None:
    """A process whose parent is gone ends at once: nobody would read what it says."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
