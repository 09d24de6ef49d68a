"""From the bytes of one image to its pixels: the one rule that every room decodes by.

Result: uint8, RGB, (H, W, 3). JPEG by simplejpeg, what it cannot (CMYK) and PNG by OpenCV. Grey
becomes three equal channels, alpha is dropped, 16 bits are scaled to 8, and the picture is turned
as its EXIF says (in training and inference alike). Damage is an error with the image's name, never
a stand-in.
"""

import struct

import cv2
import numpy as np
import simplejpeg

from folds.orientation import orientation, turned
from workspace.arrays import Bytes
from workspace.errors import DataError, shorten

PIXEL_LIMIT = 100_000_000  # ten times a good camera; a header can claim anything
_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"


def decode(data: bytes, name: str) -> Bytes:
    """Pixels of one JPEG or PNG; the size is checked before anything is allocated."""
    height, width = _size(data, name)
    if height * width > PIXEL_LIMIT:
        raise DataError(
            f"Image {shorten(name)} is {width}x{height}; limit is {PIXEL_LIMIT} pixels."
        )
    pixels = _decode_jpeg(data, name) if data.startswith(_JPEG) else _decode_any(data, name)
    return turned(pixels, orientation(data))


def _size(data: bytes, name: str) -> tuple[int, int]:
    """Height and width as the header claims them."""
    if not data:
        raise DataError(f"Image {shorten(name)} is empty.")
    try:
        if data.startswith(_JPEG):
            height, width, _, _ = simplejpeg.decode_jpeg_header(data)
            return height, width
        if data.startswith(_PNG):
            width, height = struct.unpack(">II", data[16:24])
            return height, width
    except (ValueError, struct.error) as error:
        raise _damaged(name) from error
    raise DataError(f"Image {shorten(name)} is neither a JPEG nor a PNG.")


def _decode_jpeg(data: bytes, name: str) -> Bytes:
    try:
        pixels: Bytes = simplejpeg.decode_jpeg(data, colorspace="RGB", strict=True)
    except ValueError as error:
        if "colorspace" in str(error).lower():  # CMYK and YCCK: libjpeg cannot give RGB of them
            return _decode_any(data, name)
        raise _damaged(name) from error
    return pixels


def _decode_any(data: bytes, name: str) -> Bytes:
    flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    if pixels is None:
        raise _damaged(name)
    return np.ascontiguousarray(pixels[..., ::-1], dtype=np.uint8)


def _damaged(name: str) -> DataError:
    return DataError(f"Image {shorten(name)} is damaged and cannot be decoded.")
