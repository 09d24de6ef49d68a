"""The transform without augmentation: resize to a square, normalise, nothing else.

Validation, test, test-time views, embedding, Grad-CAM and export all use this one, so
that none of them gets other pixels than the rest. The picture is squeezed, not cropped: a lesion
may reach the edge. Libraries differ by up to 120 grey levels here, so only OpenCV is used.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch

from models.input.pixels import normalise_batch
from workspace.arrays import Bytes, Floats32

NO_DRAWS = np.zeros(0, np.float32)


def resize(pixels: Bytes, size: int) -> Bytes:
    """(H, W, 3) -> (size, size, 3); means of areas along a side that shrinks, else linear.

    Sides are judged one by one. Asked to enlarge one side and shrink the other, OpenCV's area
    method takes the nearest pixel along both.
    """
    pixels = shrink(pixels, size)
    if pixels.shape[:2] == (size, size):
        return pixels
    return np.asarray(cv2.resize(pixels, (size, size), interpolation=cv2.INTER_LINEAR), np.uint8)


def shrink(pixels: Bytes, most: int) -> Bytes:
    """Bring each side that is longer down to `most`, by means of areas; leave the others."""
    height, width = pixels.shape[:2]
    if height <= most and width <= most:
        return pixels
    least = (min(width, most), min(height, most))
    return np.asarray(cv2.resize(pixels, least, interpolation=cv2.INTER_AREA), np.uint8)


@dataclass(frozen=True)
class EvaluationTransform:
    """Deterministic; the stream is not touched."""

    size: int
    mean: Sequence[float]
    std: Sequence[float]
    draws: int = 0

    def show(self, pixels: Bytes, stream: np.random.Generator) -> tuple[Bytes, Floats32]:
        return resize(pixels, self.size), NO_DRAWS

    def finish(self, pixels: torch.Tensor, draws: torch.Tensor) -> torch.Tensor:
        return normalise_batch(pixels, self.mean, self.std)
