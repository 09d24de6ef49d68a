"""The door for further columns, such as embeddings: a folder that says who made each row.

A block is a unit with `oof.parquet` (isic_id, fold, maker, columns) and `test.parquet` (the same, a
row for each test image and fold). Its facts name the folds it was made on and each fold's maker.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from folds.schema import ID
from stacking.fold import FOLD
from stacking.matrix import Source, lazily
from stacking.oof import MAKER, check_oof
from workspace.errors import ArtifactError, name_some
from workspace.units import Unit

OOF, TEST = "oof.parquet", "test.parquet"


@dataclass(frozen=True)
class Block:
    """Columns of one maker a fold: training rows out of fold, others by every fold's maker."""

    unit: Unit
    columns: tuple[str, ...]

    @property
    def name(self) -> str:
        return str(self.unit.folder)

    def training(self) -> Source:
        """The rows that the folds hold out."""
        return lazily(self.name, self.columns, lambda: self.unit.lazy(OOF))

    def elsewhere(self, fold: int) -> Source:
        """Test rows as the maker of this fold sees them."""

        def read() -> pl.LazyFrame:
            rows = self.unit.lazy(TEST).filter(pl.col(FOLD) == fold)
            made_by = rows.select(pl.col(MAKER).unique()).collect()[MAKER].to_list()
            if made_by and made_by != [self.unit.facts["makers"][str(fold)]]:
                raise ArtifactError(
                    f"Block {self.name} has test rows of fold {fold} that the fold's maker did not "
                    "make; make it anew."
                )
            if not made_by:
                raise ArtifactError(
                    f"Block {self.name} is incomplete: fold {fold} has no test rows; finish the "
                    "stage that makes them."
                )
            return rows

        return lazily(self.name, self.columns, read)


def open_block(unit: Unit, rows: pl.DataFrame, fold_hash: str) -> Block:
    """A block, once it is shown that no row's maker saw the row's group."""
    made_on = unit.facts.get("fold_hash")
    if made_on != fold_hash:
        raise ArtifactError(
            f"Block {unit.folder} was made on other folds (hash {str(made_on)[:12]}, here "
            f"{fold_hash[:12]}); its models may have seen rows that are held out here."
        )
    table = unit.parquet(OOF)
    columns = _columns(unit.folder, table)
    check_oof(table, rows, f"block {unit.folder}")
    _check_makers(unit.folder, table, unit.facts.get("makers", {}))
    if (rows[FOLD] < 0).any():
        raise ArtifactError(
            f"Block {unit.folder} has no out-of-fold values for rows that no fold holds out; take "
            "a scheme that holds out every row."
        )
    return Block(unit, columns)


def _columns(folder: Path, table: pl.DataFrame) -> tuple[str, ...]:
    """The block's own columns: numbers, with names that LightGBM takes and no feature has."""
    lacking = [name for name in (ID, FOLD, MAKER) if name not in table.columns]
    if lacking:
        raise ArtifactError(f"Block {folder} lacks the columns {name_some(lacking)}; make it anew.")
    columns = tuple(name for name in table.columns if name not in (ID, FOLD, MAKER))
    wrong = [
        name
        for name in columns
        if not re.fullmatch(r"(emb|oof)_[A-Za-z0-9_]+", name) or not table.schema[name].is_numeric()
    ]
    if wrong:
        raise ArtifactError(
            f"Block {folder} has columns that are no numbers or not named emb_ or oof_ and "
            f"letters: {name_some(wrong)}."
        )
    return columns


def _check_makers(folder: Path, table: pl.DataFrame, makers: object) -> None:
    pairs = table.select(FOLD, MAKER).unique().sort(FOLD, MAKER).rows()
    told = makers if isinstance(makers, dict) else {}
    wrong = [f"fold {fold}" for fold, maker in pairs if told.get(str(fold)) != maker]
    if wrong:
        raise ArtifactError(
            f"Block {folder} does not say who made its rows of {name_some(sorted(set(wrong)))}; "
            "make it anew."
        )
