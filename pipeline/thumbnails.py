"""A picture small enough for a page: a JPEG in its own address, so that the page needs no file."""

import base64

import numpy as np

from workspace.arrays import Bytes
from workspace.lazy import LazyModule

cv2 = LazyModule("cv2")
simplejpeg = LazyModule("simplejpeg")


def thumbnail(pixels: Bytes, side: int, quality: int = 85) -> str:
    """The picture (H, W, 3) with no side over `side`, as a data: address."""
    height, width = pixels.shape[:2]
    share = side / max(height, width)
    if share < 1:
        size = max(1, round(width * share)), max(1, round(height * share))
        pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    data = simplejpeg.encode_jpeg(np.ascontiguousarray(pixels), quality=quality)
    return f"data:image/jpeg;base64,{base64.b64encode(data).decode()}"
