"""Contrast by CLAHE on the lightness of CIELAB, gently where a lesion looks vascular.

A picture counts as vascular when over 0.2 % of its pixels are redder, as against yellow, than its
own median by more than 20 levels of a* - b*: blood is red to purple, pigment brown, and comparing
with the picture's own skin makes the rule blind to its tint. On HAM10000, where both numbers were
chosen, it finds 127 of 142 vascular lesions and 310 of 1,627 melanomas and basal cell carcinomas.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from models.input.config import AugmentConfig
from workspace.arrays import Bytes

REDDER_BY = 20  # 8-bit levels of a* - b*
VASCULAR_SHARE = 0.002


@dataclass(frozen=True)
class Clahe:
    """How strongly; `side` is the size at which a picture of another size is looked at."""

    clip: float = 2.0
    vascular_clip: float = 2.0
    tiles: int = 8
    side: int | None = None


def strength_of(config: AugmentConfig, size: int) -> Clahe:
    """By the table, at the table's own size: smaller crops are looked at as if they had it."""
    side = max(size, config.crop_px)
    return Clahe(config.clahe_clip, config.clahe_vascular_clip, config.clahe_tiles, side)


def clahe(pixels: Bytes, how: Clahe) -> Bytes:
    """uint8 RGB (H, W, 3) -> the same with another lightness.

    Where a tile has few pixels, OpenCV hands the clipped ones to the darkest levels only, and
    crops of 100 to 130 px become 20 to 50 levels brighter. So the lightness alone is brought to
    the size of the crop for it and back, in half the time of doing so with the picture.
    """
    lightness, a, b = cv2.split(cv2.cvtColor(pixels, cv2.COLOR_RGB2LAB))
    clip = how.clip
    if how.vascular_clip != clip and _is_vascular(a, b):
        clip = how.vascular_clip
    # A new one each time: it keeps buffers, so two threads must not share it.
    equaliser = cv2.createCLAHE(clip, (how.tiles, how.tiles))
    height, width = lightness.shape
    if how.side is None or (height, width) == (how.side, how.side):
        lightness = equaliser.apply(lightness)
    else:
        lightness = equaliser.apply(cv2.resize(lightness, (how.side, how.side)))
        lightness = cv2.resize(lightness, (width, height))
    return np.asarray(cv2.cvtColor(cv2.merge([lightness, a, b]), cv2.COLOR_LAB2RGB), np.uint8)


def is_vascular(pixels: Bytes) -> bool:
    """Whether the colours of this RGB picture look like a vascular lesion."""
    _, a, b = cv2.split(cv2.cvtColor(pixels, cv2.COLOR_RGB2LAB))
    return _is_vascular(a, b)


def _is_vascular(a: cv2.typing.MatLike, b: cv2.typing.MatLike) -> bool:
    redness = cv2.addWeighted(a, 1, b, -1, 128)
    counts = np.bincount(redness.ravel(), minlength=256)
    median = int(np.searchsorted(np.cumsum(counts), redness.size / 2))
    return bool(counts[median + REDDER_BY + 1 :].sum() > VASCULAR_SHARE * redness.size)
