"""Many crops, by several processes: numpy's small steps would wait for Python's lock in threads.

Reads a frame of traits, yields ids with bytes in the frame's order. Each crop's randomness comes
from (seed, number) alone, so the bytes do not depend on how many processes there are.
"""

from collections.abc import Callable, Generator
from functools import lru_cache, partial

import numpy as np
import polars as pl

from synthetic.cohort import stream
from synthetic.skin import draw_crop
from synthetic.tables import isic_ids
from synthetic.textures import Textures, weave
from workspace.lazy import LazyModule
from workspace.processes import mapping

cv2 = LazyModule("cv2")

BATCH = 64  # crops a task: handing one over costs little, and none is waited for long at the end
WORTH = 256  # crops that take as long to draw as a process takes to begin


def most_processes(crops: int) -> int:
    """More would not draw so many crops sooner."""
    return max(1, crops // WORTH)


def draw_crops(
    traits: pl.DataFrame, seed: int, drawn: Callable[[int], None], processes: int
) -> Generator[tuple[str, bytes], None, None]:
    """Yield (isic_id, JPEG) for each row; `drawn` hears of each batch how many it holds."""
    with mapping(processes) as each:
        for batch in each(partial(_draw_batch, seed), traits.iter_slices(BATCH)):
            drawn(len(batch))
            yield from batch


def _draw_batch(seed: int, traits: pl.DataFrame) -> list[tuple[str, bytes]]:
    cv2.setNumThreads(1)  # its own take longer to begin than a crop's work
    textures = textures_of(seed)
    return [
        (name, draw_crop(row, textures, np.random.default_rng([seed, int(row["number"])])))
        for name, row in zip(isic_ids(traits), traits.iter_rows(named=True), strict=True)
    ]


@lru_cache(maxsize=1)
def textures_of(seed: int) -> Textures:
    """Those of one competition, once a process."""
    return weave(stream(seed, "textures"))
