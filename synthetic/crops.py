"""Many crops, by threads: numpy, OpenCV and the JPEG encoder all let go of Python's lock.

Reads a frame of traits, yields ids with bytes in the frame's order. Each crop's randomness comes
from (seed, number) alone, so the bytes do not depend on how many threads there are.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import polars as pl

from synthetic.skin import draw_crop
from synthetic.tables import isic_ids
from synthetic.textures import Textures

BATCH = 256  # crops in flight: enough to keep threads busy, few enough to hold in memory
MOST_WORKERS = 8


def worker_count() -> int:
    """One a processor, up to where Python's lock would be the limit."""
    return min(MOST_WORKERS, len(os.sched_getaffinity(0)))


def draw_crops(
    traits: pl.DataFrame,
    seed: int,
    textures: Textures,
    drawn: Callable[[int], None],
    workers: int,
) -> Iterator[tuple[str, bytes]]:
    """Yield (isic_id, JPEG) for each row; `drawn` hears after each batch how many it held."""

    def draw(row: Mapping[str, float]) -> bytes:
        rng = np.random.default_rng([seed, int(row["number"])])
        return draw_crop(row, textures, rng)

    with ThreadPoolExecutor(workers) as pool:
        for batch in traits.iter_slices(BATCH):
            crops = pool.map(draw, batch.iter_rows(named=True))
            yield from zip(isic_ids(batch), crops, strict=True)
            drawn(len(batch))
