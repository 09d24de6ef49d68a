"""Schemes that begin with a published split: as it is, corrected, or drawn anew in its sizes.

All three have the same sides: rows that are always trained on, the rows of fold 0 to choose on, and
a test side that is only reported. As published, the last is the source's own (`test`); where we
place its rows ourselves they are ours (`holdout`), and no group may lie on two sides.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from folds.findings import Findings
from folds.groups import GROUP
from folds.schema import DIAGNOSIS, HOLDOUT, ID, SPLIT, TARGET, TEST, TRAIN, VALID
from folds.stratified import PLACED, noun_of
from workspace.errors import ConfigError, DataError, listed

PUBLISHED, CORRECTED, BY_LESION = "official", "corrected", "by_lesion"
ANEW = (CORRECTED, BY_LESION)  # they place the source's test rows too
SIDES = (TRAIN, VALID, TEST)
SIDE = "side"


def official(rows: pl.DataFrame) -> pl.DataFrame:
    """The source's own split, groups on several sides and all."""
    _check_published(rows, PUBLISHED)
    return _placed(rows, pl.col(SPLIT), TEST)


def corrected(rows: pl.DataFrame) -> pl.DataFrame:
    """Groups on several sides go to training whole; all others stay where they were published."""
    _check_placeable(rows, CORRECTED)
    crosses = pl.col(SPLIT).n_unique().over(GROUP) > 1
    sided = rows.with_columns(pl.when(crosses).then(pl.lit(TRAIN)).otherwise(SPLIT).alias(SIDE))
    _check_sides(sided, CORRECTED)
    return _placed(sided, pl.col(SIDE), HOLDOUT)


def by_lesion(rows: pl.DataFrame, seed: int, findings: Findings) -> pl.DataFrame:
    """Whole groups, drawn so that each side has as many rows of each diagnosis as published."""
    _check_placeable(rows, BY_LESION)
    groups, wanted = _groups_and_sizes(rows)
    generator = np.random.default_rng(seed)
    parts = []
    for (name,), some in groups.group_by(DIAGNOSIS, maintain_order=True):
        drawn = some[generator.permutation(len(some))].sort(
            "rows", descending=True, maintain_order=True
        )
        sides = _deal(drawn["rows"].to_list(), wanted[str(name)])
        parts.append(drawn.select(GROUP, pl.Series(SIDE, sides)))
    dealt = rows.join(pl.concat(parts), on=GROUP, how="left", maintain_order="left")
    _check_sides(dealt, BY_LESION)
    _say_how_close(dealt, findings)
    return _placed(dealt, pl.col(SIDE), HOLDOUT)


def _placed(rows: pl.DataFrame, side: pl.Expr, test: str) -> pl.DataFrame:
    """The sides as folds keep them: validation rows are fold 0, the test side is called `test`."""
    return rows.with_columns(side.alias(SIDE)).select(
        *PLACED[:2],
        pl.when(pl.col(SIDE) == TEST).then(pl.lit(test)).otherwise(pl.lit(TRAIN)).alias(SPLIT),
        pl.when(pl.col(SIDE) == VALID).then(0).cast(pl.Int16).alias("fold"),
    )


def _groups_and_sizes(rows: pl.DataFrame) -> tuple[pl.DataFrame, dict[str, dict[str, int]]]:
    """Each group with its rows and the diagnosis of most; published rows by that and by side."""
    counts = rows.group_by(GROUP, DIAGNOSIS).len()
    most = counts.sort(GROUP, "len", DIAGNOSIS, descending=[False, True, False])
    of_group = most.unique(GROUP, keep="first", maintain_order=True).select(GROUP, DIAGNOSIS)
    placed = rows.select(GROUP, SPLIT).join(of_group, on=GROUP, how="left")
    groups = placed.group_by(GROUP, DIAGNOSIS).agg(pl.len().alias("rows")).sort(DIAGNOSIS, GROUP)
    sizes: dict[str, dict[str, int]] = {
        name: dict.fromkeys(SIDES, 0) for name in groups[DIAGNOSIS].unique().sort()
    }
    for name, side, count in placed.group_by(DIAGNOSIS, SPLIT).len().iter_rows():
        sizes[name][side] = count
    return groups, sizes


def _deal(sizes: Sequence[int], wanted: Mapping[str, int]) -> list[str]:
    """A side for each group, the largest first: where the greatest share is still to come.

    So every side has its part of the large groups, and those of one row make the sizes exact.
    """
    left, sides = dict(wanted), []
    for size in sizes:
        room = [side for side in left if left[side] >= size]
        if room:
            side = max(room, key=lambda one: (left[one] / wanted[one], wanted[one]))
        else:
            side = max(left, key=lambda one: left[one])
        left[side] -= size
        sides.append(side)
    return sides


def _say_how_close(dealt: pl.DataFrame, findings: Findings) -> None:
    """Sizes of the sides beside the published ones, and of which diagnosis they differ."""
    ours, theirs = _sizes(dealt, SIDE), _sizes(dealt, SPLIT)
    apart = [
        f"{name} {_shown(sizes)} for {_shown(theirs[name])}"
        for name, sizes in ours.items()
        if sizes != theirs[name]
    ]
    words = "of each diagnosis as many as in the official split"
    if apart:
        words = f"the official split has {_shown(_total(theirs))}: {'; '.join(apart)}"
    findings.notice(
        "sizes",
        f"Rows to train, validate and test on: {_shown(_total(ours))}; {words}.",
        count=len(dealt),
    )


def _sizes(rows: pl.DataFrame, column: str) -> dict[str, list[int]]:
    """How many rows of each diagnosis lie on each side."""
    sizes = {name: [0] * len(SIDES) for name in rows[DIAGNOSIS].unique().sort()}
    for name, side, count in rows.group_by(DIAGNOSIS, column).len().iter_rows():
        sizes[name][SIDES.index(side)] = count
    return sizes


def _total(sizes: Mapping[str, Sequence[int]]) -> list[int]:
    return [sum(numbers) for numbers in zip(*sizes.values(), strict=True)]


def _shown(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))


def _check_sides(sided: pl.DataFrame, scheme: str) -> None:
    """A side of which nothing is left is none to choose or to report on."""
    for side, what in ((TRAIN, "train"), (VALID, "validate"), (TEST, "test")):
        if not (sided[SIDE] == side).any():
            raise DataError(
                f"folds.scheme '{scheme}' leaves no row to {what} on, so large are the groups for "
                "this split; take folds.scheme='stratified_groups'."
            )


def _check_published(rows: pl.DataFrame, scheme: str) -> None:
    if not (rows[SPLIT] == VALID).any():
        raise ConfigError(
            f"folds.scheme '{scheme}' needs a source with validation rows of its own; "
            "this one has none. Take 'stratified_groups'."
        )


def _check_placeable(rows: pl.DataFrame, scheme: str) -> None:
    """What must be known of every row that may come to lie on any side."""
    _check_published(rows, scheme)
    if noun_of(rows) == "image":
        raise ConfigError(
            f"folds.scheme '{scheme}' keeps images of one lesion together, and data.group='none' "
            "says of none whose it is; name their lesions in data.lesions and take "
            "data.group='lesion'."
        )
    for column, what in ((TARGET, "target"), (DIAGNOSIS, "diagnosis")):
        if rows[column].null_count():
            lacking = rows.filter(pl.col(column).is_null())[ID].to_list()
            raise DataError(
                f"folds.scheme '{scheme}' places the source's test rows too, and these have no "
                f"{what}: {listed(lacking)}; take folds.scheme='official'."
            )
