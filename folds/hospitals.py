"""Leave one hospital out: a fold for each that is held out alone, one for all others together.

Anchors are patients without a positive of hospitals that are not held out alone: maps see no
label, so that no positive is spent on them, and no map of a held-out hospital has seen its
pictures.
"""

from collections.abc import Sequence

import polars as pl

from folds.findings import Findings, plural
from folds.groups import GROUP
from folds.schema import HOSPITAL, ID, TARGET
from workspace.errors import ConfigError, DataError, listed, name_some


def homes(rows: pl.DataFrame) -> pl.DataFrame:
    """(GROUP, HOSPITAL): where most rows of a group lie; of equals the first in the alphabet."""
    counts = rows.group_by(GROUP, HOSPITAL).len()
    order = counts.sort(GROUP, pl.col("len"), HOSPITAL, descending=[False, True, False])
    return order.unique(GROUP, keep="first", maintain_order=True).select(GROUP, HOSPITAL)


def positives_at_home(rows: pl.DataFrame) -> dict[str, int]:
    """Each hospital's positives, those of a group where most of its rows lie; fewest first."""
    counts = (
        rows.join(homes(rows), on=GROUP, how="left", suffix="_home")
        .group_by(f"{HOSPITAL}_home")
        .agg(pl.col(TARGET).cast(pl.Int64).sum().alias("positives"))
        .sort("positives", f"{HOSPITAL}_home")
    )
    return dict(counts.iter_rows())


def worth_leaving_out(rows: pl.DataFrame) -> list[str]:
    """Hospitals that have a positive and are not alone in that; those with the fewest first."""
    positives = positives_at_home(rows)
    return [name for name, count in positives.items() if 0 < count < sum(positives.values())]


def hospital_folds(rows: pl.DataFrame, alone: Sequence[str], findings: Findings) -> pl.DataFrame:
    """The rows with their fold: hospitals in alphabetical order, then the others together.

    `alone` names those that are held out by themselves; none named: all of them.
    """
    missing = rows.filter(pl.col(HOSPITAL).is_null()).get_column(ID).to_list()
    if missing:
        raise DataError(f"Missing {HOSPITAL} for images: {listed(missing)}.")
    placed = homes(rows)
    moved = rows.group_by(GROUP).agg(pl.col(HOSPITAL).n_unique()).filter(pl.col(HOSPITAL) > 1)
    if len(moved):
        findings.notice(
            "two-hospitals",
            f"{plural(len(moved), 'group')} with more than one hospital folded with the one that "
            "has most of its rows.",
            count=len(moved),
        )
    known = placed[HOSPITAL].unique().sort().to_list()
    if len(known) < 2:
        raise ConfigError(f"Leave one hospital out needs at least 2 hospitals; found {len(known)}.")
    if unknown := [name for name in alone if name not in known]:
        raise ConfigError(
            f"folds.hospitals names {name_some(unknown)}; there are {', '.join(known)}."
        )
    names = sorted(alone) or known
    fold = {name: number for number, name in enumerate(names)}
    numbers = [fold.get(name, len(names)) for name in placed[HOSPITAL]]
    placed = placed.select(GROUP, pl.Series("fold", numbers, dtype=pl.Int16))
    return rows.join(placed, on=GROUP, how="left", maintain_order="left")


def anchor_rows(rows: pl.DataFrame, alone: Sequence[str]) -> pl.DataFrame:
    """Rows of groups without a positive whose hospital is not held out alone."""
    if not alone:
        raise ConfigError(
            "folds.anchor_share takes patients of hospitals that are not held out alone, and all "
            "are; name those that are in folds.hospitals."
        )
    # A patient of two hospitals has pictures of both.
    not_these = (pl.col(TARGET) == 1) | pl.col(HOSPITAL).is_in(list(alone))
    never = rows.filter(not_these.fill_null(value=False))[GROUP]
    return rows.filter(~pl.col(GROUP).is_in(never.implode()))
