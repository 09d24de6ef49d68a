"""What a network's weights take, in MB: in few bits as a phone would keep them.

A rounded layer's weights take their bits, and each of its output channels 4 bytes for its step; all
else is as it is kept. Nothing of a file's format is in it.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.networks.rounding import SMALLEST

MEGABYTE = 1e6
STEP = 4  # bytes of the step of an output channel's weights
ROUNDED = ".layer.weight"  # of a layer in few bits; with a range of its input, but in the head
HALF = 16


def megabytes(tensors: Mapping[str, NDArray[Any]], bits: int) -> float:
    """Of a network whose weights have so many bits, by its tensors."""
    return sum(_bytes(name, one, tensors, bits) for name, one in tensors.items()) / MEGABYTE


def _bytes(name: str, one: NDArray[Any], tensors: Mapping[str, NDArray[Any]], bits: int) -> float:
    if bits == HALF:
        return one.size * (2 if one.dtype == np.float32 and one.size >= SMALLEST else one.itemsize)
    layer = name.removesuffix(ROUNDED)
    if layer != name and (f"{layer}.low" in tensors or name.startswith("head.")):
        return one.size * bits / 8 + STEP * len(one)
    return one.nbytes
