"""From the bytes of one image to its pixels: the one rule that every room decodes by.

Result: uint8, RGB, (H, W, 3). JPEG by simplejpeg (`jpeg`), what it cannot (CMYK) and PNG by OpenCV.
Grey becomes three equal channels, alpha is dropped, 16 bits are scaled to 8, and the picture is
turned as its EXIF says (in training and inference alike). Damage is an error with the image's
name, never a stand-in.
"""

import numpy as np

from folds import jpeg
from folds.headers import JPEG, PIXEL_LIMIT, check_claims, damaged
from folds.orientation import orientation, turned
from workspace.arrays import Bytes
from workspace.lazy import LazyModule

cv2 = LazyModule("cv2")


def decode(data: bytes, name: str, pixel_limit: int = PIXEL_LIMIT) -> Bytes:
    """Pixels of one JPEG or PNG; what it claims is checked before anything is allocated."""
    check_claims(data, name, pixel_limit)
    pixels = _decode_jpeg(data, name) if data.startswith(JPEG) else _decode_any(data, name)
    return turned(pixels, orientation(data))


def _decode_jpeg(data: bytes, name: str) -> Bytes:
    try:
        pixels = jpeg.decode_rgb(data)
    except (ValueError, cv2.error) as error:
        raise damaged(name) from error
    return _decode_any(data, name) if pixels is None else pixels


def _decode_any(data: bytes, name: str) -> Bytes:
    flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error as error:  # of sizes beyond its own limits
        raise damaged(name) from error
    if pixels is None:
        raise damaged(name)
    return np.ascontiguousarray(pixels[..., ::-1], dtype=np.uint8)
