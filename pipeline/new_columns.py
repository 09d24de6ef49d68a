"""New rows as the run's networks see them: the very columns that the stack learnt from.

Reads <run>/networks/<name>_fold_<k>/ and the kept maps and scales of <run>/blocks/<name>/. While it
goes on, <run>/embeddings/<name>_fold_<k>/new_<hash>_<number>/ hold what is done.
"""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from pydantic import ValidationError

from folds.schema import ID, IMAGE
from models.networks.columns import TargetColumns, probability_columns
from models.networks.names import unit_name
from models.networks.use import maker_of
from pipeline.columns import SIZE, columns_of, output_of, prefix_of
from pipeline.embeddings import Embedded, OtherPictures, PictureSet, embedding
from pipeline.machine import Machine
from pipeline.new_data import NEW, NewData
from pipeline.unit_files import ENCODERS, TRAIN_CNN
from pipeline.unseen_members import target_of
from stacking.alignment.columns import Aligned, aligned_from
from stacking.alignment.config import AlignConfig
from stacking.blocks import LEARNT_NOTHING
from stacking.matrix import Source, lazily
from stacking.use import FOLD, SCORE
from workspace.errors import ArtifactError
from workspace.hashing import sha256_text
from workspace.tasks import Task
from workspace.units import Unit, open_unit

if TYPE_CHECKING:
    from pipeline.picture_rows import PictureFiles


@dataclass(frozen=True)
class NewColumns:
    """New rows as one network's folds see them."""

    name: str
    aligned: Mapping[int, Aligned]  # by fold, as its boosters learnt
    classes: tuple[str, ...]
    rows: pl.DataFrame  # those with a picture, as they were looked at
    pictureless: pl.DataFrame  # the ids of the others
    by_fold: Mapping[int, Embedded]
    target: TargetColumns | None  # those that say how probable the target is
    pictures: "PictureFiles | OtherPictures"  # that were looked at

    def table(self, fold: int) -> pl.DataFrame:
        """The stack's columns by id as this fold's network sees rows; null without a picture."""
        seen = self.by_fold[fold]
        assert seen.rows()[ID].equals(self.rows[ID]), "shards are of other rows"
        made = columns_of(self.aligned[fold], fold, output_of(seen), self.rows)
        return pl.concat([made, self.pictureless], how="diagonal")

    def source(self, fold: int, wanted: Container[str]) -> Source:
        """Those of them that are wanted, for a matrix."""
        table = self.table(fold)
        columns = [name for name in table.columns if name in wanted]
        return lazily(f"{self.name} of the new data", columns, table.lazy)

    def scores_of(self, fold: int) -> pl.DataFrame:
        """(ID, fold, score): the probability by this fold's network, to be blended."""
        assert self.target is not None, "it is no member"
        table = self.table(fold)
        number = pl.lit(fold, dtype=pl.Int16).alias(FOLD)
        return table.select(ID, number, self.target.of(table).alias(SCORE))

    def means(self) -> pl.DataFrame:
        """Mean probabilities over the folds' networks by id, `<network>_<class>`."""
        names = probability_columns(self.name, self.classes)
        mean = np.mean([s.rows().select(names).to_numpy() for s in self.by_fold.values()], axis=0)
        means = {n.removeprefix("oof_"): mean[:, at] for at, n in enumerate(names)}
        return self.rows.select(ID).hstack(pl.DataFrame(means))


def looking(
    folders: tuple[Path, Path], machine: Machine, data: NewData, rows: pl.DataFrame,
    networks: Sequence[str], folds: Container[int] | None = None,
) -> list[Task]:  # fmt: skip
    """What these networks, of all folds or some, see of every new row with a picture.

    `folders` are the run and where its results of new data go.
    """
    run, results = folders
    every = _pictures_of(data, _with_picture(rows))
    units = {u.folder: u for name in networks for u in _kept(run, name, folds).units.values()}
    return [task for unit in units.values() for task in embedding(results, machine, unit, every)]


def open_columns(
    folders: tuple[Path, Path], data: NewData, rows: pl.DataFrame, networks: Sequence[str],
    folds: Container[int] | None = None,
) -> dict[str, NewColumns]:  # fmt: skip
    """What these networks, of all folds or some, say of every new row, once they have looked.

    `folders` are the run and where its results of new data go.
    """
    run, results = folders
    seen = _with_picture(rows)
    pictureless = rows.filter(pl.col(IMAGE).is_null()).select(ID)
    every, by_network = _pictures_of(data, seen), {}
    for name, kept in {name: _kept(run, name, folds) for name in networks}.items():
        different = {unit.folder: unit for unit in kept.units.values()}  # an encoder's: one
        opened = {folder: Embedded.open(results, unit, every) for folder, unit in different.items()}
        by_fold = {fold: opened[unit.folder] for fold, unit in kept.units.items()}
        by_network[name] = NewColumns(
            name,
            kept.aligned,
            kept.classes,
            seen,
            pictureless,
            by_fold,
            kept.target,
            every.pictures,
        )
    return by_network


def _with_picture(rows: pl.DataFrame) -> pl.DataFrame:
    seen = rows.filter(pl.col(IMAGE).is_not_null())
    if SIZE in seen.columns:
        return seen
    return seen.with_columns(pl.lit(None, dtype=pl.Float64).alias(SIZE))


def _pictures_of(data: NewData, seen: pl.DataFrame) -> PictureSet:
    # By their ids too: where some turn out to be damaged, the others are another set of pictures.
    content = sha256_text("\n".join([data.hash, *seen[ID]]))
    pictures = OtherPictures(
        data.folder, content, tuple(seen[ID]), tuple(seen[IMAGE]), data.config.pixel_limit
    )
    return PictureSet(f"{NEW}_{data.hash}", pictures, np.arange(len(seen)), data.hash)


@dataclass(frozen=True)
class _Kept:
    """A network as its block knows it."""

    aligned: dict[int, Aligned]
    classes: tuple[str, ...]
    units: dict[int, Unit]
    target: TargetColumns | None


def units_of(
    run: Path, name: str, folds: Container[int] | None = None
) -> tuple[Unit, dict[int, Unit]]:
    """A network's block, and its networks by fold, if they are those that the block is made by."""
    block, units = open_unit(run / "blocks" / name, "embed"), {}
    learnt = not block.facts.get(LEARNT_NOTHING)
    for fold, maker in block.facts["makers"].items():
        if folds is not None and int(fold) not in folds:
            continue
        unit = (
            open_unit(run / "networks" / unit_name(name, int(fold)), TRAIN_CNN)
            if learnt
            else open_unit(run / ENCODERS / name, "embed")
        )
        if maker_of(unit) != maker:
            raise ArtifactError(
                f"{unit.folder} is not the network that {block.folder} was made by; restore it, "
                "or run 'make stack' again."
            )
        units[int(fold)] = unit
    return block, units


def _kept(run: Path, name: str, folds: Container[int] | None = None) -> _Kept:
    """Its maps and scales, its classes, and its folds."""
    block, units = units_of(run, name, folds)
    classes = tuple(block.manifest.settings["classes"])
    try:
        config = AlignConfig.model_validate(block.manifest.settings["align"])
    except ValidationError as error:
        raise ArtifactError(
            f"{block.folder} was made by another version; run 'make stack' anew."
        ) from error
    names = [n for n in block.manifest.files if n.endswith(".safetensors")]

    def aligned(prefix: str) -> Aligned:
        files = {n.removeprefix(prefix): block.tensors(n) for n in names if n.startswith(prefix)}
        return aligned_from(name, classes, config, files)

    if block.manifest.settings.get("nested"):
        maps = {fold: aligned(prefix_of(fold)) for fold in units}
    else:
        maps = dict.fromkeys(units, aligned(""))
    return _Kept(maps, classes, units, target_of(block))
