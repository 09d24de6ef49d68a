"""Many crops, one after another: numpy's steps on a crop are so small that threads mostly wait.

Reads a frame of traits, yields ids with bytes in the frame's order. Each crop's randomness comes
from (seed, number) alone; a copy's from its original's number, then from its own.
"""

from collections.abc import Iterator

import numpy as np
import polars as pl

from synthetic.copies import PICTURE, altered
from synthetic.skin import draw_crop
from synthetic.tables import isic_ids
from synthetic.textures import Textures
from workspace.lazy import LazyModule

cv2 = LazyModule("cv2")

BATCH = 256  # rows made into Python's objects at once; crops from one word of progress to the next


def draw_crops(traits: pl.DataFrame, seed: int, textures: Textures) -> Iterator[tuple[str, bytes]]:
    """Yield (isic_id, JPEG) for each row."""
    cv2.setNumThreads(1)  # its own take longer to begin than a crop's work
    for batch in traits.iter_slices(BATCH):
        for name, row in zip(isic_ids(batch), batch.iter_rows(named=True), strict=True):
            own, shown = int(row["number"]), int(row.get(PICTURE, row["number"]))
            data = draw_crop(row, textures, np.random.default_rng([seed, shown]))
            if shown != own:
                data = altered(data, np.random.default_rng([seed, own]))
            yield name, data
