"""What a network's weights take, in MB: in few bits as a phone would keep them.

A rounded layer's weights take their bits, and each of its output channels 4 bytes for its step; all
else is as it is kept. Nothing of a file's format is in it.
"""

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

MEGABYTE = 1e6
STEP = 4  # bytes of the step of an output channel's weights
ROUNDED = ".layer.weight"  # of a layer in few bits, which has a range of its input besides


def few_bit_mb(tensors: Mapping[str, NDArray[Any]], bits: int) -> float:
    """Of a network in few bits, by its kept tensors."""
    return sum(_bytes(name, one, tensors, bits) for name, one in tensors.items()) / MEGABYTE


def _bytes(name: str, one: NDArray[Any], tensors: Mapping[str, NDArray[Any]], bits: int) -> float:
    if not (name.endswith(ROUNDED) and f"{name.removesuffix(ROUNDED)}.low" in tensors):
        return one.nbytes
    return one.size * bits / 8 + STEP * len(one)
