"""What is counted of the rows before any model, and which rows those are.

A label that a person has looked at has had its say in whatever that person then chooses. So the
source's own test is never looked at, and of folds with a test side only what is learnt from.
"""

from collections.abc import Sequence
from typing import TypedDict

import polars as pl

from folds.schema import CORE, DIAGNOSIS, HOSPITAL, ID, LESION, PATIENT, SPLIT, TARGET, TEST
from folds.sides import Sides

SIZES = (1, 2, 3, 6, 11, 31, 101, 301, 1001)  # the least rows of a bin of groups
MANY = 5  # positives of a group: so many or more are one kind
WHOSE = (DIAGNOSIS, PATIENT, LESION, HOSPITAL)  # core columns that a source may lack


class Missing(TypedDict):
    """A column and how many rows lack it."""

    column: str
    kind: str  # number, category or core
    missing: int
    n: int


class Diagnosis(TypedDict):
    """The rows of one diagnosis."""

    diagnosis: str | None
    n: int
    positives: int
    groups: int


class WithPositives(TypedDict):
    """Groups that have so many positives, the last kind that many or more."""

    positives: int
    groups: int
    rows: int
    of_positives: int  # how many of all positives are theirs


def looked_at(samples: pl.DataFrame, folds: pl.DataFrame | None = None) -> pl.DataFrame:
    """The rows whose labels may lead to a choice, by id; with folds those always learnt from."""
    ours = samples.filter(pl.col(SPLIT) != TEST).sort(ID)
    if folds is None:
        return ours
    for _, repeat in folds.sort("repeat").group_by("repeat", maintain_order=True):
        ours = ours.filter(pl.col(ID).is_in(Sides.of(repeat).train.implode()))
    return ours


def diagnoses(rows: pl.DataFrame, group: pl.Series) -> list[Diagnosis]:
    """Each diagnosis, the commonest first; rows without one are the last."""
    counted = (
        rows.select(DIAGNOSIS, TARGET, group.alias("group"))
        .group_by(DIAGNOSIS)
        .agg(
            pl.len().alias("n"),
            pl.col(TARGET).cast(pl.Int64).sum().alias("positives"),
            pl.col("group").n_unique().alias("groups"),
        )
        .sort(pl.col(DIAGNOSIS).is_null(), -pl.col("n").cast(pl.Int64), DIAGNOSIS, nulls_last=True)
    )
    return [Diagnosis(**row) for row in counted.to_dicts()]  # type: ignore[typeddict-item] # the select above names its keys


def missing(rows: pl.DataFrame) -> list[Missing]:
    """Every column of the table but ids and targets: how many rows lack it."""
    names = [*WHOSE, *(name for name in rows.columns if name not in CORE)]
    return [
        {"column": name, "kind": _kind(rows, name), "missing": _lacking(rows[name]), "n": len(rows)}
        for name in names
    ]


def words_of(sizes: Sequence[int] = SIZES) -> list[str]:
    """How bins of group sizes are called: `1`, `3-5`, `over 1000`."""
    ends = [*(size - 1 for size in sizes[1:]), None]
    return [
        f"over {low - 1}" if high is None else f"{low}" if high == low else f"{low}-{high}"
        for low, high in zip(sizes, ends, strict=True)
    ]


def size_of_own_group(group: pl.Series) -> pl.Series:
    """Of each row the bin of how many rows its group has."""
    n = group.to_frame("group").select(pl.len().over("group").alias("n"))["n"]
    names = words_of()
    place = pl.Series([*SIZES[1:]]).search_sorted(n, side="right")
    return pl.Series("rows", [names[at] for at in place.to_list()], pl.String)


def positives_by_group(rows: pl.DataFrame, group: pl.Series) -> list[WithPositives]:
    """How many groups have no positive, one, two, and so on."""
    each = (
        rows.select(TARGET, group.alias("group"))
        .group_by("group")
        .agg(pl.len().alias("n"), pl.col(TARGET).cast(pl.Int64).sum().alias("all"))
        .with_columns(pl.col("all").clip(upper_bound=MANY).alias("kind"))
    )
    counted = each.group_by("kind").agg(
        pl.len().alias("groups"), pl.col("n").sum().alias("rows"), pl.col("all").sum()
    )
    return [
        {"positives": kind, "groups": groups, "rows": n, "of_positives": positives}
        for kind, groups, n, positives in counted.sort("kind").iter_rows()
    ]


def _kind(rows: pl.DataFrame, name: str) -> str:
    if name in CORE:
        return "core"
    return "number" if rows[name].dtype.is_numeric() else "category"


def _lacking(column: pl.Series) -> int:
    nan = int(column.is_nan().sum()) if column.dtype.is_float() else 0
    return column.null_count() + nan
