"""JPEGs by simplejpeg; by OpenCV where that is not installed, as in a competition's image.

Both are libjpeg-turbo and give the same pixels. Only simplejpeg refuses every damaged stream: of
what OpenCV reads, no more is noticed than an end that is missing.
"""

import importlib
import struct
from typing import Any

import numpy as np

from workspace.arrays import Bytes
from workspace.lazy import LazyModule

cv2 = LazyModule("cv2")

try:
    simplejpeg: Any = importlib.import_module("simplejpeg")
except ModuleNotFoundError:  # a bundle's code runs without it, and says so
    simplejpeg = None

_FRAME = struct.Struct(">BHH")  # of a frame's header: bits, height, width
_FRAMES = {0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF}
_ALONE = {0x01, *range(0xD0, 0xD9)}  # markers without a segment


def header_size(data: bytes) -> tuple[int, int]:
    """Height and width; a ValueError where the header says none."""
    if simplejpeg is None:
        return _frame_size(data)
    height, width, _, _ = simplejpeg.decode_jpeg_header(data)
    return height, width


def decode_rgb(data: bytes) -> Bytes | None:
    """(H, W, 3); None: other colours than this can give as RGB. A ValueError: damaged."""
    if simplejpeg is None:
        return _by_opencv(data)
    try:
        pixels: Bytes = simplejpeg.decode_jpeg(data, colorspace="RGB", strict=True)
    except ValueError as error:
        if "colorspace" in str(error).lower():  # CMYK and YCCK: libjpeg cannot give RGB of them
            return None
        raise
    return pixels


def _by_opencv(data: bytes) -> Bytes:
    if data.rfind(b"\xff\xd9") < data.rfind(b"\xff\xda"):
        raise ValueError("the end is missing")
    flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    if pixels is None:
        raise ValueError("no picture")
    return np.ascontiguousarray(pixels[..., ::-1], dtype=np.uint8)


def _frame_size(data: bytes) -> tuple[int, int]:
    at = 2
    while at + 4 <= len(data):
        if data[at] != 0xFF:
            break
        kind = data[at + 1]
        if kind == 0xFF or kind in _ALONE:
            at += 1 if kind == 0xFF else 2
            continue
        if kind in _FRAMES and at + 4 + _FRAME.size <= len(data):
            _, height, width = _FRAME.unpack_from(data, at + 4)
            if height and width:
                return height, width
            break
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    raise ValueError("no frame header")
