"""Many crops, one after another: numpy's steps on a crop are so small that threads mostly wait.

Reads a frame of traits, yields ids with bytes in the frame's order. Each crop's randomness comes
from (seed, number) alone.
"""

from collections.abc import Callable, Iterator

import numpy as np
import polars as pl

from synthetic.skin import draw_crop
from synthetic.tables import isic_ids
from synthetic.textures import Textures
from workspace.lazy import LazyModule

cv2 = LazyModule("cv2")

BATCH = 256  # crops from one word of progress to the next


def draw_crops(
    traits: pl.DataFrame, seed: int, textures: Textures, drawn: Callable[[int], None]
) -> Iterator[tuple[str, bytes]]:
    """Yield (isic_id, JPEG) for each row; `drawn` hears after each batch how many it held."""
    cv2.setNumThreads(1)  # its own take longer to begin than a crop's work
    for batch in traits.iter_slices(BATCH):
        for name, row in zip(isic_ids(batch), batch.iter_rows(named=True), strict=True):
            stream = np.random.default_rng([seed, int(row["number"])])
            yield name, draw_crop(row, textures, stream)
        drawn(len(batch))
