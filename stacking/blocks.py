"""The door for further columns, such as embeddings: a folder that says who made each row.

A block is a unit with `oof.parquet` (isic_id, fold, maker, columns) and `test.parquet` (the same, a
row for each test image and fold). Its facts name the folds it was made on and each fold's maker.
A nested block has `inner_<k>.parquet` for the boosters of each fold k: the rows they learn from, by
makers that never saw fold k either.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from folds.schema import ID
from stacking.matrix import Source, lazily
from stacking.oof import MAKER, check_oof
from stacking.use import FOLD
from workspace.errors import ArtifactError, name_some
from workspace.units import Unit

OOF, TEST, INNER = "oof.parquet", "test.parquet", "inner_{}.parquet"
OWN = " inner"  # behind a folder's name: the rows made for the boosters of one fold
LEARNT_NOTHING = "learnt_nothing"  # one maker for all folds, who saw no label of theirs
INNER_MAKERS = "inner_makers"  # fold of the boosters -> fold of the rows -> maker


@dataclass(frozen=True)
class Block:
    """Columns of one maker a fold: training rows out of fold, others by every fold's maker."""

    unit: Unit
    columns: tuple[str, ...]

    @property
    def name(self) -> str:
        return str(self.unit.folder)

    @property
    def nested(self) -> bool:
        """Whether the boosters of each fold have rows of their own to learn from."""
        return INNER_MAKERS in self.unit.facts

    @property
    def same_for_all(self) -> bool:
        """Whether its rows are the same whoever learns from them: their maker saw no label."""
        return bool(self.unit.facts.get(LEARNT_NOTHING))

    def training(self, fold: int | None = None) -> Source:
        """The rows that the folds hold out, for the boosters of one fold where that matters."""

        def read() -> pl.LazyFrame:
            held = self.unit.lazy(OOF)
            if fold is None or not self.nested:
                return held
            inner = self.unit.lazy(INNER.format(fold))
            own = held.filter(pl.col(FOLD) == fold).select(ID, *self.columns)
            return pl.concat([inner.select(ID, *self.columns), own])

        return lazily(self.name, self.columns, read)

    def hashes(self, fold: int | None = None) -> dict[str, str]:
        """What boosters learn from, of one fold if they are nested, by the block's folder."""
        folder = self.unit.folder.name
        hashes = {folder: self.unit.sha256(OOF)}
        if self.nested and fold is not None:
            hashes[f"{folder}{OWN}"] = self.unit.sha256(INNER.format(fold))
        return hashes

    def unseen(self, fold: int) -> Source:
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
    if INNER_MAKERS in unit.facts:
        _check_inner(unit, rows, columns)
    return Block(unit, columns)


def _columns(folder: Path, table: pl.DataFrame) -> tuple[str, ...]:
    """The block's own columns: numbers, with names that boosters take and no feature has."""
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
    stated = makers if isinstance(makers, dict) else {}
    wrong = [f"fold {fold}" for fold, maker in pairs if stated.get(str(fold)) != maker]
    if wrong:
        raise ArtifactError(
            f"Block {folder} does not say who made its rows of {name_some(sorted(set(wrong)))}; "
            "make it anew."
        )


def _check_inner(unit: Unit, rows: pl.DataFrame, columns: tuple[str, ...]) -> None:
    """The boosters of fold k may learn from no row whose maker saw fold k.

    Whoever saw neither j nor k makes j's rows for k and k's for j, so both must name one maker, and
    another one than those that left out a single fold.
    """
    makers, single = unit.facts[INNER_MAKERS], set(unit.facts["makers"].values())
    for fold in rows[FOLD].unique().sort():
        name = INNER.format(fold)
        where = f"{name} of block {unit.folder}"
        others = rows.filter(pl.col(FOLD) != fold)
        table = unit.parquet(name)
        if set(table.columns) != {ID, FOLD, MAKER, *columns}:
            raise ArtifactError(f"{where} has other columns than {OOF}; make it anew.")
        check_oof(table, others, where)
        stated = makers.get(str(fold), {})
        for other, maker in table.select(FOLD, MAKER).unique().sort(FOLD, MAKER).rows():
            both = {stated.get(str(other)), makers.get(str(other), {}).get(str(fold))}
            if both != {maker} or maker in single:
                raise ArtifactError(
                    f"{where} has rows of fold {other} whose maker is not known to have left out "
                    f"folds {other} and {fold}; make it anew."
                )
