"""The audit's one look at each image: hashes of bytes and pixels, size, fingerprint.

Threads, not processes: hashing, JPEG decoding and OpenCV let go of the interpreter lock.
"""

import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from os import cpu_count

import numpy as np
import polars as pl
from numpy.typing import NDArray

from folds.audit.fingerprint import KEY_SIZE, THUMB_SHAPE, fingerprint
from folds.images import ImageReader
from folds.schema import ID
from workspace.errors import DataError

BATCH = 32  # images a task: handing over each alone costs as much as hashing it
LOOK_VERSION = 1  # raise when hashes, decoding or fingerprints change: kept looks are redone
LOOK_SCHEMA = {
    ID: pl.String,
    "sha256": pl.String,
    "pixels_sha256": pl.String,
    "width": pl.Int32,
    "height": pl.Int32,
    "problem": pl.String,
}


@dataclass(frozen=True)
class Looks:
    """What was seen of some images, row for row: the table, fingerprint keys and thumbs."""

    table: pl.DataFrame
    keys: NDArray[np.float32]
    thumbs: NDArray[np.uint8]


def look_at_all(
    reader: ImageReader,
    ids: Sequence[str],
    references: Sequence[str],
    show: Callable[[int], None],
    workers: int | None = None,
) -> Looks:
    """Look at every image on all cores; a damaged one becomes a problem, not an end."""
    keys = np.zeros((len(ids), KEY_SIZE), np.float32)
    thumbs = np.zeros((len(ids), *THUMB_SHAPE), np.uint8)

    def look(row: int) -> tuple[object, ...]:
        try:
            data, pixels = reader.both(references[row])
        except DataError as error:
            return (ids[row], None, None, None, None, str(error))
        seen = fingerprint(pixels)
        keys[row], thumbs[row] = seen.key, seen.thumb
        height, width = pixels.shape[:2]
        of_pixels = hashlib.sha256(f"{height}x{width}:".encode())
        of_pixels.update(np.ascontiguousarray(pixels).data)
        digests = hashlib.sha256(data).hexdigest(), of_pixels.hexdigest()
        return (ids[row], *digests, width, height, None)

    def look_at_batch(start: int) -> list[tuple[object, ...]]:
        return [look(row) for row in range(start, min(start + BATCH, len(ids)))]

    rows: list[tuple[object, ...]] = []
    with ThreadPoolExecutor(workers or cpu_count() or 1) as pool:
        try:
            for some in pool.map(look_at_batch, range(0, len(ids), BATCH)):
                rows += some
                show(len(rows))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return Looks(pl.DataFrame(rows, LOOK_SCHEMA, orient="row"), keys, thumbs)


def join_looks(parts: Sequence[Looks]) -> Looks:
    """Looks of several shards as one, in their order."""
    empty = Looks(
        pl.DataFrame(schema=LOOK_SCHEMA),
        np.zeros((0, KEY_SIZE), np.float32),
        np.zeros((0, *THUMB_SHAPE), np.uint8),
    )
    every = [empty, *parts]
    return Looks(
        pl.concat([looks.table for looks in every]),
        np.concatenate([looks.keys for looks in every]),
        np.concatenate([looks.thumbs for looks in every]),
    )
