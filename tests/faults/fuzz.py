"""Damaged files by the thousand, each read in a child process that has a limit of time and memory.

`make fuzz SECONDS=600` gives each format so long; `python -m tests.faults.fuzz --format image.hdf5
--number 17` reads one again. What does not end in a result or in an error of ours is a find.
"""

import argparse
import multiprocessing
import resource
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import count, takewhile
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from tests.faults.formats import FORGED, FORMATS, samples_of
from tests.faults.mutations import mutated
from workspace.errors import DermstackError

LIMIT_S = 30.0  # a reader takes milliseconds; this is for a busy machine
START_S = 300.0
LIMIT_MEMORY = 2 * 2**30  # bytes beyond what the process has when it begins
SPAWN = multiprocessing.get_context("spawn")


@dataclass
class Read:
    """What became of one format's damaged files."""

    name: str
    outcomes: Counter[str] = field(default_factory=Counter)
    finds: list[str] = field(default_factory=list)


def damaged(name: str, seed: int, number: int) -> bytes:
    """The damaged file of this number."""
    samples = samples_of(name)
    rng = np.random.default_rng([seed, number, len(name)])
    return mutated(samples[number % len(samples)], rng)


def outcome(name: str, data: bytes) -> str:
    """`result`, `refused`, or the traceback of what else was raised."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            (FORMATS | FORGED)[name].read(data, Path(folder))
        except DermstackError:
            return "refused"
        except BaseException:  # whatever it is, it is a find
            return traceback.format_exc(limit=-4)
    return "result"


def _serve(pipe: "Connection", name: str, seed: int, memory: int) -> None:
    """In the child: read whatever number comes, from when all that is needed is loaded."""
    held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    outcome(name, samples_of(name)[0])  # what is loaded at first use
    resource.setrlimit(resource.RLIMIT_AS, (held + memory, held + memory))
    pipe.send("ready")  # the time of a file is not that of the imports
    while True:
        number = pipe.recv()
        if number is None:
            return
        pipe.send(outcome(name, damaged(name, seed, number)))


class Child:
    """A process that reads damaged files of one format, and may end by it."""

    def __init__(self, name: str, seed: int, memory: int = LIMIT_MEMORY) -> None:
        self._pipe, theirs = SPAWN.Pipe()
        self._process = SPAWN.Process(target=_serve, args=(theirs, name, seed, memory), daemon=True)
        self._process.start()
        theirs.close()
        assert self._pipe.poll(START_S), "the child does not begin"
        assert self._pipe.recv() == "ready"

    @property
    def pid(self) -> int:
        return self._process.pid

    def read(self, number: int, limit_s: float) -> str:
        self._pipe.send(number)
        try:
            return self._pipe.recv() if self._pipe.poll(limit_s) else "it hangs"
        except EOFError:
            self._process.join()
            return f"the process ended with {self._process.exitcode}"

    def end(self) -> None:
        self._process.kill()
        self._process.join()
        self._pipe.close()


def fuzz(name: str, numbers: Iterable[int], seed: int = 0, limit_s: float = LIMIT_S) -> Read:
    """Read damaged files of a format, by number; a child that ended is followed by another."""
    reading, child = Read(name), Child(name, seed)
    try:
        for number in numbers:
            said = child.read(number, limit_s)
            if said in ("result", "refused"):
                reading.outcomes[said] += 1
                continue
            reading.outcomes[_kind(said)] += 1
            reading.finds.append(f"{name} number {number} of seed {seed}: {said}")
            if not said.startswith("Traceback"):
                child.end()
                child = Child(name, seed)
    finally:
        child.end()
    return reading


def _kind(said: str) -> str:
    """The find in a word: the exception, how the process ended, or that it did not."""
    return said.strip().splitlines()[-1].partition(":")[0]


def for_seconds(seconds: float) -> Iterator[int]:
    """Numbers from 0 until the time is up."""
    until = time.monotonic() + seconds
    return takewhile(lambda _: time.monotonic() < until, count())


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--format", choices=FORMATS | FORGED, action="append")
    parser.add_argument("--seconds", type=float, default=30.0, help="for each format")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--number", type=int, help="this one alone")
    asked = parser.parse_args()
    finds = 0
    for name in asked.format or FORMATS:
        numbers = for_seconds(asked.seconds) if asked.number is None else [asked.number]
        read = fuzz(name, numbers, asked.seed)
        print(f"{name}: {dict(read.outcomes)}", *read.finds, sep="\n", flush=True)
        finds += len(read.finds)
    sys.exit(bool(finds))


if __name__ == "__main__":
    main()
