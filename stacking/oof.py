"""Out-of-fold scores: each id exactly once, scored by a model that never saw its group."""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import polars as pl

from folds.schema import ID
from stacking.matrix import NEVER
from stacking.use import FOLD
from workspace.arrays import Floats
from workspace.errors import ArtifactError, listed
from workspace.hashing import sha256_text
from workspace.lazy import LazyModule
from workspace.units import Unit

stats = LazyModule("scipy.stats")

MAKER = "maker"  # hash of the models that scored the row


def out_of_fold(
    by_fold: Mapping[int, pl.DataFrame], makers: Mapping[int, str], rows: pl.DataFrame
) -> pl.DataFrame:
    """The scores of all folds as one table by id; `rows` has the id and fold of every row."""
    tables = [
        scores.with_columns(
            pl.lit(fold, dtype=pl.Int16).alias(FOLD), pl.lit(makers[fold]).alias(MAKER)
        )
        for fold, scores in by_fold.items()
    ]
    table = pl.concat(tables).sort(ID)
    check_oof(table, rows, "the stack")
    return table


def check_oof(table: pl.DataFrame, rows: pl.DataFrame, where: str) -> None:
    """Refuse a table that lacks a fold or an id, has one twice, or scored it by another fold."""
    held = rows.filter(pl.col(FOLD) != NEVER)
    absent = sorted(set(held[FOLD]) - set(table[FOLD]))
    if absent:
        raise ArtifactError(
            f"OOF incomplete: fold {', '.join(map(str, absent))} has no predictions in {where}; "
            "finish the stage that makes them."
        )
    repeated = table.filter(table[ID].is_duplicated())[ID].unique().sort().to_list()
    both = held.join(table, on=ID, how="full", suffix="_made", coalesce=False)
    strange = both.filter(pl.col(ID).is_null() | pl.col(f"{ID}_made").is_null())
    foreign = strange.select(pl.coalesce(ID, f"{ID}_made"))[ID].sort().to_list()
    wrong = both.filter(pl.col(FOLD) != pl.col(f"{FOLD}_made"))[ID].sort().to_list()
    for ids, words in (
        (repeated, "more than once"),
        (foreign, "that are not the images the folds hold out"),
        (wrong, "scored by a model of another fold than the one that holds them out"),
    ):
        if ids:
            raise ArtifactError(f"OOF of {where} has images {words}: {listed(ids)}.")


def models_hash(unit: Unit) -> str:
    """One hash for all models of a fold, with what is needed to use them."""
    names = sorted(name for name in unit.manifest.files if name.endswith((".txt", ".json")))
    return sha256_text("\n".join(unit.sha256(name) for name in names))


def all_files(unit: Unit) -> str:
    """One hash for everything a unit holds."""
    return sha256_text("\n".join(f"{n} {unit.sha256(n)}" for n in sorted(unit.manifest.files)))


def averaged(by_fold: Sequence[Floats], how: Literal["probability", "rank"]) -> Floats:
    """(rows,): the folds' scores of the same rows as one, by probability or by rank from 0 to 1."""
    each = np.stack(by_fold)
    if how == "rank":
        each = (stats.rankdata(each, axis=1) - 0.5) / each.shape[1]
    mean: Floats = each.mean(axis=0)
    return mean
