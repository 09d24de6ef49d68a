"""The rows of a CSV in which every comma is a border and every line is a row.

Most tables are such, and polars reads them faster than Python's csv does. Whatever else stands in a
file (a quote, a line with other fields, a byte that is no text) is left to the one
parser that judges it, in `tables.py`.
"""

import csv
from codecs import BOM_UTF8
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
import polars as pl

BLOCK = 1 << 24  # bytes at one time
ODD = (b'"', b"\r", b"\0")
COMMA, LINE_END = b",\n"


def plain_rows(path: Path, wanted: Sequence[str]) -> tuple[list[str], list[pl.DataFrame]] | None:
    """The header, and the wanted columns as text in pieces; None: it is no such file."""
    with path.open("rb") as file:
        first = file.readline().removeprefix(BOM_UTF8).removesuffix(b"\n")
        if not first or not _is_text(first):
            return None
        header = first.decode().split(",")
        pieces = []
        for block in _blocks(file):
            if not _is_text(block) or not _has_fields(block, len(header)):
                return None
            pieces.append(_as_frame(block, wanted, header))
    return header, pieces


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    """Whole lines."""
    while block := file.read(BLOCK):
        yield block + file.readline()


def _is_text(block: bytes) -> bool:
    """UTF-8 without anything that csv would take for more than a letter."""
    if any(odd in block for odd in ODD) or block.startswith(BOM_UTF8):
        return False
    try:
        return block.isascii() or bool(block.decode())
    except UnicodeDecodeError:
        return False


def _has_fields(block: bytes, count: int) -> bool:
    """Whether every line has so many, and none is longer than csv takes a field to be."""
    letters = np.frombuffer(block.removesuffix(b"\n"), np.uint8)
    ends = np.append(np.flatnonzero(letters == LINE_END), len(letters))
    before = np.searchsorted(np.flatnonzero(letters == COMMA), ends)
    lengths = np.diff(ends, prepend=-1) - 1
    few = lengths.min() > 0 and lengths.max() < csv.field_size_limit()
    return bool(few and (np.diff(before, prepend=0) == count - 1).all())


def _as_frame(block: bytes, wanted: Sequence[str], header: Sequence[str]) -> pl.DataFrame:
    read = pl.read_csv(block, has_header=False, infer_schema=False, quote_char=None)
    there = {name: read.to_series(header.index(name)) for name in wanted if name in header}
    nothing = pl.Series([None], dtype=pl.String).new_from_index(0, len(read))
    return pl.DataFrame(
        [
            there[name].fill_null("").alias(name) if name in there else nothing.alias(name)
            for name in wanted
        ]
    )
