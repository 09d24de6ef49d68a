"""Batches of an epoch by threads, bit for bit the same however many there are.

Threads, not processes: JPEG decoding and OpenCV let go of Python's lock, so two threads bring no
fewer images a second than two spawned processes (docs/benchmarks), and they share what is kept in
memory, need no pipes, no shared memory and no second import. Nothing is ever forked. Work goes
two batches ahead of the workers at most; only uint8 and the draws travel.
"""

import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import cv2
import numpy as np
import torch

from models.input.pictures import Pictures
from models.input.stream import stream_of
from models.input.transforms import Transform
from workspace.arrays import Bytes, Floats32, Ints

AHEAD = 2  # batches beyond those being worked on


@dataclass(frozen=True)
class Piece:
    """Of an epoch's batches the one of this number, or these rows of it."""

    number: int
    rows: slice = field(default_factory=lambda: slice(None))


@dataclass(frozen=True)
class Batch:
    """One step's images as they travel: the rest is done by the transform's `finish`."""

    pixels: torch.Tensor  # uint8 (B, 3, S, S)
    draws: torch.Tensor  # float32 (B, transform.draws): what was drawn for work on the batch
    indices: Ints  # (B,): of the pictures


def batches(  # noqa: PLR0913 - what an epoch is and how it is run: neither half is an object
    pictures: Pictures,
    transform: Transform,
    plan: Sequence[Ints],
    *,
    seed: int,
    epoch: int,
    workers: int = 0,
    pieces: Iterable[Piece] | None = None,
) -> Iterator[Batch]:
    """The batches of `plan` (indices), or these pieces of them.

    An image that comes again within the epoch is drawn anew each time. An error of any worker is
    raised at the next step, even where earlier batches are ready. Whoever leaves early closes the
    iterator (or drops it), which ends its threads.
    """
    cv2.setNumThreads(1)  # its own threads would fight the workers over the same cores
    repeats = _repeats(plan)
    jobs = [
        _Job(pictures, transform, seed, epoch, plan[one.number][one.rows],
             repeats[one.number][one.rows])
        for one in (map(Piece, range(len(plan))) if pieces is None else pieces)
    ]  # fmt: skip
    if workers == 0:
        return (job.batch() for job in jobs)
    return _threaded(jobs, workers)


def _threaded(jobs: Sequence["_Job"], workers: int) -> Iterator[Batch]:
    leaving = threading.Event()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="loader")
    pending: deque[Future[Batch]] = deque()
    remaining = iter(jobs)
    try:
        while True:
            for job in remaining:
                pending.append(pool.submit(job.batch, leaving))
                if len(pending) >= workers + AHEAD:
                    break
            if not pending:
                return
            for failed in [job for job in pending if job.done() and job.exception()]:
                failed.result()
            yield pending.popleft().result()
    finally:
        leaving.set()
        pool.shutdown(wait=True, cancel_futures=True)


@dataclass(frozen=True)
class _Job:
    """One batch to be made."""

    pictures: Pictures
    transform: Transform
    seed: int
    epoch: int
    indices: Ints
    repeats: Ints

    def batch(self, leaving: threading.Event | None = None) -> Batch:
        count, size = len(self.indices), self.transform.size
        pixels = np.empty((count, 3, size, size), np.uint8)
        draws = np.empty((count, self.transform.draws), np.float32)
        for row, (index, repeat) in enumerate(zip(self.indices, self.repeats, strict=True)):
            if leaving is not None and leaving.is_set():
                break  # nobody will look at this batch
            draws[row] = self._show(int(index), int(repeat), pixels[row])
        return Batch(torch.from_numpy(pixels), torch.from_numpy(draws), self.indices)

    def _show(self, index: int, repeat: int, planes: Bytes) -> Floats32:
        """Fill the (3, S, S) planes of one image."""
        name = self.pictures.ids[index]
        try:
            stream = stream_of(self.seed, self.epoch, name, repeat)
            shown, draws = self.transform.show(self.pictures.pixels(index), stream)
        except Exception as error:  # raised again at once: any error is to name the image
            error.add_note(f"while preparing image {name}")
            raise
        cv2.split(shown, list(planes))  # into the planes in place, thrice as fast as a transpose
        return draws


def _repeats(plan: Sequence[Ints]) -> list[Ints]:
    """For each slot of the plan how often its index came before in the epoch."""
    if not plan:
        return []
    indices = np.concatenate(plan)
    order = np.argsort(indices, kind="stable")
    ordered = indices[order]
    firsts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]][: len(ordered)])
    runs = np.diff(np.r_[firsts, len(ordered)])
    nth = np.empty(len(indices), np.int64)
    nth[order] = np.arange(len(indices)) - np.repeat(firsts, runs)
    return np.split(nth, np.cumsum([len(batch) for batch in plan])[:-1])
