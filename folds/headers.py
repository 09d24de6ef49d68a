"""What a picture's bytes claim of it, held against the bytes before a decoder believes it.

A decoder allocates what a header claims and goes over a picture as often as it says: a few
kilobytes can ask for gigabytes or minutes. So the size is held against a limit, a PNG's chunks
against the end of the file, and a JPEG's scans against what any program writes.
"""

import re
import struct

from folds.jpeg import header_size
from workspace.errors import DataError, shorten

PIXEL_LIMIT = 100_000_000  # ten times a good camera; a header can claim anything
SCAN_LIMIT = 100  # progressive JPEGs have about ten scans, each a pass over all pixels
PNG = b"\x89PNG\r\n\x1a\n"
JPEG = b"\xff\xd8\xff"
_SCAN, _END = 0xDA, 0xD9
_WITHOUT_LENGTH = {0x01, *range(0xD0, 0xD9)}
_CHUNK = struct.Struct(">I4s")  # its length and its name; a checksum of four bytes ends it
_MARKER = re.compile(rb"\xff[^\x00\xff]")  # in a scan 0xff is followed by 0, and may be repeated


def check_claims(data: bytes, name: str, pixel_limit: int = PIXEL_LIMIT) -> None:
    """Refuse a picture that claims more than there is, or than it may."""
    height, width = _size(data, name)
    if height * width > pixel_limit:
        raise DataError(
            f"Image {shorten(name)} is {width}x{height}; limit is {pixel_limit} pixels "
            "(data.pixel_limit)."
        )
    if data.startswith(PNG):
        if not _chunks_end_within(data):
            raise damaged(name)
    elif data.count(b"\xff\xda") > SCAN_LIMIT and (scans := _scans(data)) > SCAN_LIMIT:
        raise DataError(f"Image {shorten(name)} has {scans} scans; limit is {SCAN_LIMIT}.")


def damaged(name: str) -> DataError:
    """What is to be said of a picture that no decoder can read."""
    return DataError(f"Image {shorten(name)} is damaged and cannot be decoded.")


def _size(data: bytes, name: str) -> tuple[int, int]:
    """Height and width as the header claims them."""
    if not data:
        raise DataError(f"Image {shorten(name)} is empty.")
    try:
        if data.startswith(JPEG):
            return header_size(data)
        if data.startswith(PNG):
            width, height = struct.unpack(">II", data[16:24])
            return height, width
    except (ValueError, struct.error) as error:
        raise damaged(name) from error
    raise DataError(f"Image {shorten(name)} is neither a JPEG nor a PNG.")


def _chunks_end_within(data: bytes) -> bool:
    """Whether every chunk lies in the file, up to the one that ends a PNG."""
    at, end = len(PNG), len(data) - 4
    while at + _CHUNK.size <= end:
        length, kind = _CHUNK.unpack_from(data, at)
        at += _CHUNK.size + length + 4
        if kind == b"IEND":
            return bool(at <= len(data))
    return False


def _scans(data: bytes) -> int:
    """The scans of a JPEG up to its end; not those of pictures within its segments or behind it."""
    at, scans = 2, 0
    while (marker := _MARKER.search(data, at)) is not None:
        kind, at = data[marker.start() + 1], marker.end()
        if kind == _END:
            break
        scans += kind == _SCAN
        if kind not in _WITHOUT_LENGTH:
            at += int.from_bytes(data[at : at + 2], "big")
    return scans
