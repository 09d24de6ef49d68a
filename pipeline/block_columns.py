"""What a run's networks say of its pictures, as columns for the stack.

For the boosters of a fold, rows of each fold are embedded by one network. Where stacks are not
nested these are the same for all boosters: the networks that leave out their own fold each. Nested,
the boosters of fold k have networks that never saw fold k: its own, and those that left out k and
another fold. An encoder that learnt nothing here embeds the rows of every fold.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl

from folds.findings import plural
from folds.images import ImageReader
from folds.schema import ANCHOR, HOLDOUT, ID, IMAGE, SPLIT, TRAIN
from folds.schema import TEST as TEST_SPLIT
from models.input.folder import damaged_in
from models.networks.names import HeldOut
from models.networks.use import maker_of, use_of
from pipeline.columns import columns_of, output_of, prefix_of
from pipeline.embeddings import Embedded, OtherPictures, PictureSet
from pipeline.job import Job
from pipeline.new_data import pictures_in
from pipeline.picture_rows import PictureFiles, PictureRows
from pipeline.samples import IMAGES
from stacking.alignment.anchors import anchor_indices
from stacking.alignment.columns import Aligned, NetworkOutput
from stacking.oof import MAKER
from stacking.use import FOLD
from workspace.arrays import Ints
from workspace.errors import ConfigError, DataError, listed
from workspace.machine import reading_processes
from workspace.units import Unit, open_unit

UNSEEN = "elsewhere"  # as the folders of their shards are called


@dataclass(frozen=True)
class Anchors:
    """The pictures on which embeddings are brought together; no network learnt from them."""

    pictures: PictureFiles | OtherPictures
    indices: Ints  # of them
    content: str  # a hash of what they hold
    among: Ints | None  # where they are among the unseen rows, if they are such rows

    def __len__(self) -> int:
        return len(self.indices)

    def as_set(self) -> PictureSet:
        return PictureSet("anchors", self.pictures, self.indices, self.content)


@dataclass(frozen=True)
class Embedders:
    """Whose network embeds the rows of each fold, for the boosters of some folds."""

    folds: tuple[int, ...]
    by_fold: Mapping[int, HeldOut]
    prefix: str = ""  # of the files that hold its maps


@dataclass(frozen=True)
class NetworkColumns:
    """All that the networks of one name say of the run's rows."""

    run: Path
    rows: PictureRows
    units: Mapping[HeldOut, Unit]
    anchors: Anchors

    def sets(self) -> Iterator[tuple[Unit, PictureSet]]:
        """What is to be embedded by whom before there are columns; each pair once."""
        asked: dict[tuple[str, str], tuple[Unit, PictureSet]] = {}
        for some in self.embedders():
            for fold, held_out in some.by_fold.items():
                wanted: list[tuple[HeldOut, PictureSet]] = [
                    (held_out, self._anchor_set(held_out)),
                    (held_out, self._held_out(fold, held_out)),
                ]
                if fold in some.folds:
                    wanted.append((fold, self._unseen_set()))
                for left_out, one in wanted:
                    unit = self.units[left_out]
                    asked.setdefault((unit.folder.name, one.name), (unit, one))
        yield from asked.values()

    def embedders(self) -> Iterator[Embedders]:
        """One for all folds, or one for each."""
        folds = tuple(self.rows.by_fold)
        if not self.pairs:
            yield Embedders(folds, {fold: fold for fold in folds})
            return
        for fold in folds:
            others: dict[int, HeldOut] = {
                other: fold if other == fold else (min(fold, other), max(fold, other))
                for other in folds
            }
            yield Embedders((fold,), others, prefix_of(fold))

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """What the networks tell apart; an encoder nothing."""
        return use_of(next(iter(self.units.values()))).classes

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """The pairs of folds that networks of this name left out."""
        return [held_out for held_out in self.units if isinstance(held_out, tuple) and held_out]

    @property
    def anchor_groups(self) -> Ints | None:
        """Which anchors belong together; nobody says it of pictures of one's own."""
        if not isinstance(self.anchors.pictures, PictureFiles):
            return None
        return self.rows.groups[self.anchors.indices]

    def of_anchors(self, held_out: HeldOut) -> NetworkOutput:
        """What a network says of the anchors."""
        among = self.anchors.among if isinstance(held_out, int) else None
        return output_of(self._open(held_out, self._anchor_set(held_out)), among)

    def held_out(self, aligned: Aligned, fold: int, held_out: HeldOut) -> pl.DataFrame:
        """Columns of the rows of a fold, by a network that left it out."""
        embedded = self._open(held_out, self._held_out(fold, held_out))
        of_fold = (pl.col(SPLIT) == TRAIN) & (pl.col(FOLD) == fold)
        pictureless = self.rows.pictureless.filter(of_fold)
        return self._columns(aligned, embedded, pictureless, (fold, held_out))

    def unseen(self, aligned: Aligned, fold: int) -> pl.DataFrame:
        """Columns of the rows that no fold knows, but for anchors, by the fold's network."""
        of_tests = pl.col(SPLIT).is_in([TEST_SPLIT, HOLDOUT])
        pictureless = self.rows.pictureless.filter(of_tests)
        return self._columns(
            aligned, self._open(fold, self._unseen_set()), pictureless, (fold, fold)
        )

    def inner_makers(self) -> dict[str, dict[str, str]]:
        """By fold of the boosters and fold of the rows that they learn from: who made these."""
        return {
            str(some.folds[0]): {
                str(fold): maker_of(self.units[held_out])
                for fold, held_out in some.by_fold.items()
                if fold != some.folds[0]
            }
            for some in self.embedders()
        }

    def _anchor_set(self, held_out: HeldOut) -> PictureSet:
        """Among the unseen rows, where they are such and the network has embedded these."""
        if self.anchors.among is not None and isinstance(held_out, int):
            return self._unseen_set()
        return self.anchors.as_set()

    def _unseen_set(self) -> PictureSet:
        return PictureSet(UNSEEN, self.rows.files, self.rows.unseen, self.rows.files.content)

    def _held_out(self, fold: int, held_out: HeldOut) -> PictureSet:
        own = use_of(self.units[held_out]).held_out == fold
        name = "held_out" if own else f"held_out_{fold}"
        indices = self.rows.by_fold[fold][1]
        return PictureSet(name, self.rows.files, indices, self.rows.files.content)

    def _open(self, held_out: HeldOut, some: PictureSet) -> Embedded:
        return Embedded.open(self.run, self.units[held_out], some)

    def _columns(
        self, aligned: Aligned, embedded: Embedded, pictureless: pl.DataFrame,
        which: tuple[int, HeldOut],
    ) -> pl.DataFrame:  # fmt: skip
        """By id; rows without a picture besides, which networks say nothing of."""
        fold, held_out = which
        ids = embedded.rows().select(ID)
        rows = ids.join(self.rows.table, on=ID, how="left", validate="1:1", maintain_order="left")
        used = np.flatnonzero((rows[SPLIT] != ANCHOR).to_numpy())
        made = columns_of(aligned, fold, output_of(embedded, used), rows[used])
        table = pl.concat([made, pictureless.select(ID)], how="diagonal")
        return table.with_columns(
            pl.lit(fold, dtype=pl.Int16).alias(FOLD),
            pl.lit(maker_of(self.units[held_out])).alias(MAKER),
        )


def anchors_of(job: Job, rows: PictureRows) -> Anchors:
    """As the recipe says: rows that no fold has anything to do with, or pictures of one's own."""
    config = job.recipe.align
    if config.pictures is not None:
        return _of_ones_own(job, rows, config.pictures)
    splits = rows.table[SPLIT].gather(rows.unseen)
    known = np.flatnonzero((splits == config.anchors).to_numpy())
    among = known[anchor_indices(len(known), config)]
    return Anchors(rows.files, rows.unseen[among], rows.files.content, among)


def _of_ones_own(job: Job, rows: PictureRows, place: Path) -> Anchors:
    """Pictures that are no rows here, and above all none that a network learnt from."""
    if not place.exists():
        raise ConfigError(f"align.pictures names {place}, which is not there.")
    if not job.recipe.verify.look_at_images:
        raise ConfigError(
            "align.pictures needs verify.look_at_images=true: by their bytes it is told that no "
            "network learns from them."
        )
    there = pictures_in(job.desk, place)
    chosen = there[anchor_indices(len(there), job.recipe.align)]
    limit = job.recipe.data.pixel_limit
    reader = ImageReader(place if place.is_dir() else place.parent, limit)
    learnt = rows.table.filter(pl.col(SPLIT) == TRAIN).select(ID)
    looked_at = open_unit(rows.files.samples, "verify").parquet(IMAGES, [ID, "sha256"])
    known = set(looked_at.join(learnt, on=ID, how="semi")["sha256"])
    same = [
        name for name, image in chosen.select(ID, IMAGE).iter_rows()
        if hashlib.sha256(reader.encoded(image)).hexdigest() in known
    ]  # fmt: skip
    if same:
        raise DataError(
            f"{plural(len(same), 'picture')} of align.pictures {'is' if len(same) == 1 else 'are'} "
            f"byte for byte what networks learn from: {listed(same)}; leave them out."
        )
    names = dict(chosen.select(ID, IMAGE).iter_rows())
    with job.progress("Looking at anchors") as show:
        damaged = damaged_in(reader, names, reading_processes(), show)
    if damaged:
        raise DataError(f"Damaged pictures in align.pictures: {listed(list(damaged))}; mend them.")
    content = job.hashes.of(place)
    pictures = OtherPictures(reader.folder, content, tuple(chosen[ID]), tuple(chosen[IMAGE]), limit)
    return Anchors(pictures, np.arange(len(chosen)), content, None)


def joined(tables: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """As one table by id and fold."""
    return pl.concat(tables, how="diagonal").sort(ID, FOLD)
