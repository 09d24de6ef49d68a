"""Which rows must stay on one side: patients (or lesions), joined where they share an image.

A picture that stands under two patients would leak across folds, so both become one group.
"""

import numpy as np
import polars as pl

from folds.findings import Findings, plural
from folds.samples import GROUP_COLUMNS
from folds.schema import ID, SPLIT, TEST, TRAIN
from workspace.errors import ArtifactError, name_some, shorten
from workspace.lazy import LazyModule

sparse = LazyModule("scipy.sparse")
csgraph = LazyModule("scipy.sparse.csgraph")

GROUP = "group_id"
COMPONENT = "component"  # a number for groups that pairs connect
A, B = f"{ID}_a", f"{ID}_b"


def own_groups(samples: pl.DataFrame, group: str) -> pl.DataFrame:
    """Id and group of each row as the source says; with `none` each row is its own."""
    column = pl.col(GROUP_COLUMNS[group]) if group != "none" else pl.col(ID)
    return samples.select(ID, column.alias(GROUP), SPLIT)


def patient_column(group: str) -> str | None:
    """The column that tells whose a row is, in folds.parquet; None where `data.group` is none.

    It holds the joined groups: patients (or lesions) that share a picture are one.
    """
    return GROUP if group != "none" else None


def _with_sides(groups: pl.DataFrame, pairs: pl.DataFrame) -> pl.DataFrame:
    """Pairs with the group and the source's split of either row."""
    sides = groups.select(ID, GROUP, SPLIT)
    return (
        pairs.join(sides.rename({ID: A, GROUP: "group_a", SPLIT: "split_a"}), on=A)
        .join(sides.rename({ID: B, GROUP: "group_b", SPLIT: "split_b"}), on=B)
        .sort(A, B)
    )


def joined_groups(groups: pl.DataFrame, pairs: pl.DataFrame) -> pl.DataFrame:
    """Groups connected by duplicate pairs take the name of the first of them.

    Rows of the source's test split connect like all others (A = T and T = B make A and B one
    group, and so do two test pictures of one patient), but keep their own group's name: they are
    not ours to fold.
    """
    is_test = pl.col(SPLIT) == TEST
    numbered = connected(groups, pairs)
    first = pl.col(GROUP).filter(~is_test).min().over(COMPONENT)
    return numbered.select(ID, pl.when(is_test).then(GROUP).otherwise(first).alias(GROUP))


def connected(groups: pl.DataFrame, pairs: pl.DataFrame) -> pl.DataFrame:
    """The rows with a number for the groups that pairs connect, the same for all of these."""
    nodes = groups.select(GROUP).unique().sort(GROUP).with_row_index("number")
    numbered = groups.join(nodes, on=GROUP, how="left", maintain_order="left")
    side = numbered.select(ID, "number")
    edges = pairs.join(side.rename({ID: A}), on=A).join(side.rename({ID: B}), on=B, suffix="_b")
    a, b = edges["number"].to_numpy(), edges["number_b"].to_numpy()
    graph = sparse.coo_array((np.ones(len(a), np.int8), (a, b)), shape=(len(nodes), len(nodes)))
    _, component = csgraph.connected_components(graph, directed=False)
    of_row = component[numbered["number"].to_numpy()]
    return numbered.with_columns(pl.Series(COMPONENT, of_row))


def check_disjoint(folds: pl.DataFrame) -> None:
    """No group may be held out in two folds of one repeat, or lie in and outside the holdout.

    The source's own test rows do not count: they are neither trained on nor held out, and a
    patient of theirs who is in training too has been reported.
    """
    spread = spread_groups(folds)
    if len(spread):
        name, where = spread.select(GROUP, "side").row(0)
        raise ArtifactError(
            f"{plural(len(spread), 'group')} of folds.parquet "
            f"{'is' if len(spread) == 1 else 'are'} on more than one side ({name} in "
            f"{name_some(where)}); run 'make folds FRESH=1'."
        )


def spread_groups(folds: pl.DataFrame) -> pl.DataFrame:
    """The groups that lie on more than one side, with their sides."""
    in_fold = pl.format("fold {}", pl.col("fold"))
    side = pl.coalesce(in_fold, pl.when(pl.col(SPLIT) == TRAIN).then(pl.lit("no fold")), SPLIT)
    return (
        folds.filter(pl.col(SPLIT) != TEST)
        .with_columns(side.alias("side"))
        .group_by("repeat", GROUP)
        .agg(pl.col("side").unique().sort())
        .filter(pl.col("side").list.len() > 1)
        .sort("repeat", GROUP)
    )


def report_duplicates(
    pairs: pl.DataFrame, groups: pl.DataFrame, group: str, findings: Findings
) -> None:
    """Say how many pairs were found, which cross patients, and which cross the source's splits."""
    sides = _with_sides(groups, pairs)
    across = pl.col("group_a") != pl.col("group_b")
    ours = (pl.col("split_a") != TEST) & (pl.col("split_b") != TEST)
    for kind, words in KINDS.items():
        some = sides.filter(pl.col("kind") == kind)
        if some.is_empty():
            continue
        crossing = some.filter(across & ours) if group != "none" else some.clear()
        split = some.filter(pl.col("split_a") != pl.col("split_b"))
        clauses = []
        if group != "none":
            clauses.append(f"{len(crossing)} across {group}s, whose rows are folded as one group")
        if len(split):
            clauses.append(f"{len(split)} between the source's own splits")
        shown = next((rows for rows in (crossing, split, some) if len(rows)), some)
        names = [f"{shorten(a)} = {shorten(b)}" for a, b in shown.select(A, B).head(3).iter_rows()]
        more = f" (+{len(shown) - 3} more)" if len(shown) > 3 else ""
        findings.notice(
            f"duplicate-{kind}",
            f"{plural(len(some), 'pair')} of images {words}"
            f"{''.join(', ' + clause for clause in clauses)}: {', '.join(names)}{more}.",
            shown[A].to_list(),
            count=len(some),
        )


KINDS = {
    "bytes": "with the same bytes",
    "pixels": "with the same pixels in other bytes",
    "near": "of nearly the same picture",
    "listed": "that the data set's owners list as duplicates",
    "accepted": "that a person takes for one lesion (accept.csv)",
}
