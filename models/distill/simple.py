"""What a picture is without looking at the lesion: its size, its colours and where they lie.

The columns of the naive baselines: whoever is no better than these has learnt little else.
"""

import numpy as np

from models.cascade.source_only import NAMES as OF_SOURCE
from models.cascade.source_only import source_row
from workspace.arrays import Bytes

BINS = 8  # of a channel's 256 values
CHANNELS = "rgb"
MIDDLE = slice(1, 3)  # of four parts of each side
NAMES = (
    *OF_SOURCE,
    *(f"share_{c}_{b}" for c in CHANNELS for b in range(BINS)),
    *(f"middle_{c}" for c in CHANNELS),
)


def simple_row(data: bytes, pixels: Bytes) -> list[float]:
    """Size and mean colours, shares of the pixels by value, the middle's colour minus the mean."""
    colours = pixels.reshape(-1, len(CHANNELS))
    shares = [
        np.bincount(colours[:, c] // (256 // BINS), minlength=BINS) / len(colours)
        for c in range(len(CHANNELS))
    ]
    rows, columns = (
        slice(size * MIDDLE.start // 4, max(size * MIDDLE.stop // 4, size * MIDDLE.start // 4 + 1))
        for size in pixels.shape[:2]
    )
    middle = pixels[rows, columns].reshape(-1, len(CHANNELS)).mean(axis=0) - colours.mean(axis=0)
    return [*source_row(data, pixels), *np.concatenate(shares).tolist(), *middle.tolist()]
