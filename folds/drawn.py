"""Rows drawn by a hash of seed and id: the same ones in any order of the table."""

import hashlib
from collections.abc import Sequence

import polars as pl

from folds.schema import ID

DRAW = "draw"


def drawn(rows: pl.DataFrame, by: Sequence[str], each: int, seed: int) -> pl.DataFrame:
    """Up to `each` rows of every cell of these columns, sorted by cell and then as drawn."""
    hashed = pl.Series(DRAW, [_hash(seed, name) for name in rows[ID]], pl.String)
    ordered = rows.with_columns(hashed).sort(*by, DRAW, nulls_last=True)
    place = pl.int_range(pl.len()).over(*by)
    return ordered.filter(place < each).drop(DRAW)


def _hash(seed: int, name: str) -> str:
    return hashlib.sha256(f"{seed} {name}".encode()).hexdigest()
