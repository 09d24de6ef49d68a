"""From decoded pixels to what a network reads: the one normalisation, of training and inference.

Mean and standard deviation come from the backbone's own configuration, never from a constant
here, so that the two cannot drift apart.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from workspace.errors import DataError


def normalise(
    pixels: NDArray[np.uint8], mean: Sequence[float], std: Sequence[float]
) -> NDArray[np.float32]:
    """uint8 RGB (..., 3) -> float32 (..., 3), `(pixels / 255 - mean) / std`.

    Anything but uint8 is refused: floats were divided by 255 before, and a second division
    trains on near-black images without a complaint.
    """
    if pixels.dtype != np.uint8:
        low, high = (float(pixels.min()), float(pixels.max())) if pixels.size else (0.0, 0.0)
        raise DataError(
            f"Pixels must be uint8 from 0 to 255; got {pixels.dtype} from {low:g} to {high:g}, "
            "which looks normalised already. Hand on decoded pixels."
        )
    deviation = np.asarray(std, np.float32)
    scaled = (pixels / np.float32(255) - np.asarray(mean, np.float32)) / deviation
    return scaled.astype(np.float32, copy=False)
