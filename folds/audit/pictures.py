"""Each image read once for the audit: hashes of bytes and pixels, size, fingerprint.

Threads, not processes: hashing, JPEG decoding and OpenCV let go of the interpreter lock.
"""

import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import polars as pl

from folds.audit.fingerprint import KEY_SIZE, THUMB_SHAPE, fingerprint
from folds.images import ImageReader
from folds.orientation import UPRIGHT, orientation
from folds.schema import ID
from workspace.arrays import Bytes, Floats32
from workspace.errors import DataError
from workspace.machine import lent_cores

BATCH = 32  # images a task: handing over each alone costs as much as hashing it
FINGERPRINT_VERSION = 1  # raise when hashes, decoding or keys change: old ones are redone
FINGERPRINT_SCHEMA = {
    ID: pl.String,
    "sha256": pl.String,
    "pixels_sha256": pl.String,
    "width": pl.Int32,
    "height": pl.Int32,
    "problem": pl.String,
}


@dataclass(frozen=True)
class Fingerprints:
    """What is known of some images, row for row: hashes, sizes and problems, keys and thumbs."""

    table: pl.DataFrame
    keys: Floats32
    thumbs: Bytes
    turned: int = 0  # how many their EXIF says to turn


def fingerprint_all(
    reader: ImageReader,
    ids: Sequence[str],
    references: Sequence[str],
    show: Callable[[int], None],
    workers: int | None = None,
) -> Fingerprints:
    """Read every image on all cores; a damaged one becomes a problem, not an end."""
    keys = np.zeros((len(ids), KEY_SIZE), np.float32)
    thumbs = np.zeros((len(ids), *THUMB_SHAPE), np.uint8)
    turned: list[int] = []

    def read(row: int) -> tuple[object, ...]:
        try:
            data, pixels = reader.both(references[row])
        except DataError as error:
            return (ids[row], None, None, None, None, str(error))
        if orientation(data) != UPRIGHT:
            turned.append(row)
        one = fingerprint(pixels)
        keys[row], thumbs[row] = one.key, one.thumb
        height, width = pixels.shape[:2]
        of_pixels = hashlib.sha256(f"{height}x{width}:".encode())
        of_pixels.update(np.ascontiguousarray(pixels).data)
        digests = hashlib.sha256(data).hexdigest(), of_pixels.hexdigest()
        return (ids[row], *digests, width, height, None)

    def read_batch(start: int) -> list[tuple[object, ...]]:
        return [read(row) for row in range(start, min(start + BATCH, len(ids)))]

    rows: list[tuple[object, ...]] = []
    with ThreadPoolExecutor(workers or lent_cores()) as pool:
        try:
            for some in pool.map(read_batch, range(0, len(ids), BATCH)):
                rows += some
                show(len(rows))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    table = pl.DataFrame(rows, FINGERPRINT_SCHEMA, orient="row")
    return Fingerprints(table, keys, thumbs, len(turned))


def join_fingerprints(shards: Sequence[Fingerprints]) -> Fingerprints:
    """Those of several shards as one, in their order."""
    empty = Fingerprints(
        pl.DataFrame(schema=FINGERPRINT_SCHEMA),
        np.zeros((0, KEY_SIZE), np.float32),
        np.zeros((0, *THUMB_SHAPE), np.uint8),
    )
    every = [empty, *shards]
    return Fingerprints(
        pl.concat([shard.table for shard in every]),
        np.concatenate([shard.keys for shard in every]),
        np.concatenate([shard.thumbs for shard in every]),
        sum(shard.turned for shard in every),
    )
