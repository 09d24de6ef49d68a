"""Pairs of images that are one: by bytes, by pixels, nearly, listed by the owners, or accepted.

n copies of one image give n - 1 pairs, each with the first of them: enough to join their groups.
"""

from collections.abc import Sequence

import polars as pl

from folds.audit.near import near_duplicates
from folds.audit.pictures import Fingerprints
from folds.groups import A, B
from folds.schema import ID
from workspace.progress import Show, quietly

PAIR_SCHEMA = pl.Schema({A: pl.String, B: pl.String, "kind": pl.String, "similarity": pl.Float64})


def find_pairs(
    pictures: Fingerprints,
    listed: pl.DataFrame,
    *,
    near: bool,
    accepted: pl.DataFrame | None = None,
    ids: pl.Series | None = None,
    show: Show = quietly,
) -> pl.DataFrame:
    """All pairs, each once under its strictest kind, sorted by ids.

    `ids` are the rows that listed pairs may name, where not every row has an image; `accepted` are
    those that a person takes for one.
    """
    table = pictures.table
    known = table[ID] if ids is None else ids
    by_kind = [
        _equal(table, "sha256", "bytes"),
        _equal(_first_of_each(table, "sha256"), "pixels_sha256", "pixels"),
        *([_near(pictures, show)] if near else []),
        _named(known, listed, "listed"),
        *([] if accepted is None else [_named(known, accepted, "accepted")]),
    ]
    return strictest(by_kind)


def strictest(by_kind: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Each pair once, as the first table that has it says, sorted by ids."""
    pairs = pl.concat(by_kind)
    return pairs.unique([A, B], keep="first", maintain_order=True).sort(A, B)


def distinct_pictures(table: pl.DataFrame) -> pl.DataFrame:
    """The first of each set of equal pictures, with its `row`; none that could not be read."""
    return _first_of_each(table.with_row_index("row"), "pixels_sha256")


def _first_of_each(table: pl.DataFrame, column: str) -> pl.DataFrame:
    """One row for each value, the first by id; rows that could not be read are left out."""
    return table.drop_nulls(column).sort(ID).unique(column, keep="first", maintain_order=True)


def _equal(table: pl.DataFrame, column: str, kind: str) -> pl.DataFrame:
    rows = table.drop_nulls(column).sort(ID)
    first = pl.col(ID).first().over(column)
    pairs = rows.select(first.alias(A), pl.col(ID).alias(B)).filter(pl.col(A) != pl.col(B))
    return _as_pairs(pairs, kind, 1.0)


def _near(pictures: Fingerprints, show: Show) -> pl.DataFrame:
    """Near-duplicates among the first of each set of equal pictures."""
    rows = distinct_pictures(pictures.table)
    index = rows["row"].to_numpy()
    near = near_duplicates(pictures.keys[index], pictures.thumbs[index], show=show)
    ids = rows[ID]
    pairs = pl.DataFrame({A: ids[near["i"].to_list()], B: ids[near["j"].to_list()]})
    return _as_pairs(pairs, "near", near["similarity"])


def _named(ids: pl.Series, pairs: pl.DataFrame, kind: str) -> pl.DataFrame:
    """Pairs that somebody names, of rows that there are."""
    known = pairs.filter(pl.col(A).is_in(ids.implode()), pl.col(B).is_in(ids.implode()))
    ordered = known.select(
        pl.min_horizontal(A, B).alias(A), pl.max_horizontal(A, B).alias(B)
    ).unique(maintain_order=True)
    return _as_pairs(ordered, kind, None)


def _as_pairs(pairs: pl.DataFrame, kind: str, similarity: pl.Series | float | None) -> pl.DataFrame:
    score = similarity if isinstance(similarity, pl.Series) else pl.lit(similarity)
    complete = pairs.with_columns(pl.lit(kind).alias("kind"), score.alias("similarity"))
    return complete.cast(PAIR_SCHEMA)
