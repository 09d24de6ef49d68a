"""How a camera was held: EXIF's orientation, which a phone writes instead of turning the pixels.

Reads the bytes of a JPEG or PNG. What is malformed says nothing: then the pixels stay as they are.
"""

import struct

import numpy as np

from workspace.arrays import Bytes

UPRIGHT = 1
TAG = 0x0112  # EXIF 2.3, 4.6.4: Orientation, one SHORT
_EXIF = b"Exif\x00\x00"
_PNG = b"\x89PNG\r\n\x1a\n"
_ORDERS = {b"II*\x00": "<", b"MM\x00*": ">"}


def orientation(data: bytes) -> int:
    """1 to 8 as EXIF counts them; 1, upright, where nothing is said."""
    try:
        exif = _of_png(data) if data.startswith(_PNG) else _of_jpeg(data)
        return _in_exif(exif) if exif else UPRIGHT
    except struct.error:
        return UPRIGHT


def turned(pixels: Bytes, number: int) -> Bytes:
    """The picture (H, W, C) as it was seen: rows and columns swapped from 5 on, then mirrored."""
    if number == UPRIGHT:
        return pixels
    if number > 4:
        pixels = pixels.swapaxes(0, 1)
    down = number in (3, 4, 7, 8)
    across = number in (2, 3, 6, 7)
    return np.ascontiguousarray(pixels[:: -1 if down else 1, :: -1 if across else 1])


def _of_jpeg(data: bytes) -> bytes:
    """The EXIF of the first APP1 segment that is one; segments stand before the picture."""
    if data.find(_EXIF, 0, 1 << 17) < 0:  # nearly always, and far cheaper than to walk
        return b""
    place = 2
    while data[place : place + 1] == b"\xff":
        marker, length = struct.unpack_from(">BH", data, place + 1)
        if marker == 0xDA:  # the picture begins
            break
        if marker == 0xE1 and data.startswith(_EXIF, place + 4):
            return data[place + 10 : place + 2 + length]
        place += 2 + length
    return b""


def _of_png(data: bytes) -> bytes:
    """The chunk eXIf, wherever it stands."""
    place = len(_PNG)
    while place < len(data):
        length, kind = struct.unpack_from(">I4s", data, place)
        if kind == b"eXIf":
            return data[place + 8 : place + 8 + length]
        place += 12 + length
    return b""


def _in_exif(exif: bytes) -> int:
    """Of the first directory of a TIFF."""
    order = _ORDERS.get(exif[:4])
    if order is None:
        return UPRIGHT
    (start,) = struct.unpack_from(f"{order}I", exif, 4)
    (count,) = struct.unpack_from(f"{order}H", exif, start)
    for place in range(start + 2, start + 2 + 12 * count, 12):
        tag, _, _, value = struct.unpack_from(f"{order}HHIH", exif, place)
        if tag == TAG:
            return value if 1 <= value <= 8 else UPRIGHT
    return UPRIGHT
