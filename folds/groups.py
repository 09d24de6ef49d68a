"""Which rows must stay on one side: patients (or lesions), joined where they share an image.

A picture that stands under two patients would leak across folds, so both become one group.
"""

import numpy as np
import polars as pl
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from folds.findings import Findings, plural
from folds.samples import GROUP_COLUMNS
from folds.schema import ID, SPLIT, TEST
from workspace.errors import NAMED_AT_MOST, ArtifactError, name_some

GROUP = "group_id"
A, B = f"{ID}_a", f"{ID}_b"


def own_groups(samples: pl.DataFrame, group: str) -> pl.DataFrame:
    """Id and group of each row as the source says; with `none` each row is its own."""
    column = pl.col(GROUP_COLUMNS[group]) if group != "none" else pl.col(ID)
    return samples.select(ID, column.alias(GROUP), SPLIT)


def crossing_pairs(groups: pl.DataFrame, pairs: pl.DataFrame) -> pl.DataFrame:
    """The duplicate pairs whose two rows belong to different groups, with both groups."""
    sides = groups.select(ID, GROUP, SPLIT)
    return (
        pairs.join(sides.rename({ID: A, GROUP: "group_a", SPLIT: "split_a"}), on=A)
        .join(sides.rename({ID: B, GROUP: "group_b", SPLIT: "split_b"}), on=B)
        .filter(pl.col("group_a") != pl.col("group_b"))
        .sort(A, B)
    )


def joined_groups(groups: pl.DataFrame, pairs: pl.DataFrame) -> pl.DataFrame:
    """Groups connected by a duplicate pair take the name of the first of them.

    Pairs with a row of the test split join nothing: the test split is not ours to fold.
    """
    crossing = crossing_pairs(groups, pairs).filter(
        (pl.col("split_a") != TEST) & (pl.col("split_b") != TEST)
    )
    names = groups[GROUP].drop_nulls().unique().sort()
    code = pl.Series(range(len(names)), dtype=pl.Int64)
    a = crossing["group_a"].replace_strict(names, code, return_dtype=pl.Int64).to_numpy()
    b = crossing["group_b"].replace_strict(names, code, return_dtype=pl.Int64).to_numpy()
    edges = coo_array((np.ones(len(a), np.int8), (a, b)), shape=(len(names), len(names)))
    _, component = connected_components(edges, directed=False)
    first = pl.DataFrame({GROUP: names, "component": component}).with_columns(
        pl.col(GROUP).min().over("component").alias("joined")
    )
    return groups.join(first, on=GROUP, how="left", maintain_order="left").select(
        ID, pl.col("joined").alias(GROUP)
    )


def check_disjoint(folds: pl.DataFrame) -> None:
    """No group may be held out in two folds of one repeat, or stand in and outside the test."""
    sides = pl.col("fold").cast(pl.String).fill_null("no fold") + " of " + pl.col(SPLIT)
    spread = (
        folds.with_columns(sides.alias("side"))
        .group_by("repeat", GROUP)
        .agg(pl.col("side").unique().sort(), pl.col("fold").unique().sort().drop_nulls())
        .filter(pl.col("side").list.len() > 1)
        .sort("repeat", GROUP)
    )
    if len(spread):
        name, where = spread.select(GROUP, "fold").row(0)
        raise ArtifactError(
            f"{plural(len(spread), 'group')} of folds.parquet "
            f"{'is' if len(spread) == 1 else 'are'} in more than one fold ({name} is in folds "
            f"{name_some(where)}); make the folds anew with FRESH=1."
        )


def report_duplicates(
    pairs: pl.DataFrame, groups: pl.DataFrame, group: str, findings: Findings
) -> None:
    """Say how many pairs were found, and which of them cross patients or the test split."""
    for kind, words in (
        ("bytes", "with the same bytes"),
        ("pixels", "with the same pixels in other bytes"),
        ("near", "of nearly the same picture"),
        ("listed", "that the data set's owners list as duplicates"),
    ):
        some = pairs.filter(pl.col("kind") == kind)
        if some.is_empty():
            continue
        crossing = crossing_pairs(groups, some) if group != "none" else some.clear()
        across = ""
        if group != "none":
            across = f", {len(crossing)} across {group}s, whose rows are folded as one group"
        shown = crossing if len(crossing) else some
        names = [f"{a} = {b}" for a, b in shown.select(A, B).iter_rows()]
        named = name_some(names[:NAMED_AT_MOST], len(names))
        findings.notice(
            f"duplicate-{kind}",
            f"{plural(len(some), 'pair')} of images {words}{across}: {named}.",
            [name.split(" = ")[0] for name in names],
            count=len(some),
        )
