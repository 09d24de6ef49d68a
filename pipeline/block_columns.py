"""What a run's networks say of its pictures, as columns for the stack.

For the boosters of a fold, rows of each fold are embedded by one network. Where stacks are not
nested these are the same for all boosters: the networks that leave out their own fold each. Nested,
the boosters of fold k have networks that never saw fold k: its own, and those that left out k and
another fold. An encoder that learnt nothing here embeds the rows of every fold.
"""

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import polars as pl

from folds.findings import plural
from folds.images import ImageReader
from folds.schema import ANCHOR, HOLDOUT, ID, IMAGE, PATIENT, SPLIT, TRAIN
from folds.schema import TEST as TEST_SPLIT
from models.input.folder import damaged_in
from models.input.pictures import Pictures
from models.networks.kept import maker_of
from models.networks.network import HeldOut
from pipeline.embeddings import Embedded, Embedder, embed_pictures, embedder_of
from pipeline.new_data import pictures_in
from pipeline.picture_rows import MEMORY_GB, PictureRows
from scripts import verify
from stacking.alignment.anchors import anchor_places
from stacking.alignment.columns import Aligned, View
from stacking.alignment.patients import Patients
from stacking.fold import FOLD
from stacking.oof import MAKER
from workspace.arrays import Ints
from workspace.errors import ConfigError, DataError, listed
from workspace.units import Unit

UNSEEN = "elsewhere"  # as the folders of their shards are called
SIZE = "clin_size_long_diam_mm"  # by which the patient's largest lesion is found, if it is there


@dataclass(frozen=True)
class Anchors:
    """The pictures on which views are brought together; no network learnt from them."""

    pictures: Pictures
    indices: Ints  # of them
    content: str  # a hash of what they hold
    among: Ints | None  # where they are among the unseen rows, if they are such rows

    def __len__(self) -> int:
        return len(self.indices)


@dataclass(frozen=True)
class Embedders:
    """Whose network embeds the rows of each fold, for the boosters of some folds."""

    folds: tuple[int, ...]
    by_fold: Mapping[int, HeldOut]
    prefix: str = ""  # of the files that hold its maps


@dataclass(frozen=True)
class NetworkColumns:
    """All that the networks of one name say; each shard is made when it is first asked for."""

    rows: PictureRows
    units: Mapping[HeldOut, Unit]
    anchors: Anchors
    content: str  # a hash of what the run's pictures hold
    _made: dict[tuple[str, str], Embedded] = field(default_factory=dict)

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
        return next(iter(self._opened.values())).use.classes

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """The pairs of folds that networks of this name left out."""
        return [held_out for held_out in self.units if not isinstance(held_out, int)]

    def of_anchors(self, held_out: HeldOut) -> View:
        """What a network says of the anchors."""
        if self.anchors.among is not None and isinstance(held_out, int):
            return view_of(self._unseen(held_out), self.anchors.among)
        at, what = self.anchors, ("anchors", self.anchors.content)
        return view_of(self._embedded(held_out, at.pictures, at.indices, what))

    def held_out(self, aligned: Aligned, fold: int, held_out: HeldOut) -> pl.DataFrame:
        """Columns of the rows of a fold, by a network that left it out."""
        own = self._opened[held_out].use.held_out == fold
        name, indices = "held_out" if own else f"held_out_{fold}", self.rows.by_fold[fold][1]
        embedded = self._embedded(held_out, self.rows.pictures, indices, (name, self.content))
        of_fold = (pl.col(SPLIT) == TRAIN) & (pl.col(FOLD) == fold)
        pictureless = self.rows.pictureless.filter(of_fold)
        return self._columns(aligned, embedded, pictureless, (fold, held_out))

    def unseen(self, aligned: Aligned, fold: int) -> pl.DataFrame:
        """Columns of the rows that no fold knows, but for anchors, by the fold's network."""
        of_tests = pl.col(SPLIT).is_in([TEST_SPLIT, HOLDOUT])
        pictureless = self.rows.pictureless.filter(of_tests)
        return self._columns(aligned, self._unseen(fold), pictureless, (fold, fold))

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

    @cached_property
    def _opened(self) -> dict[HeldOut, Embedder]:
        return {held_out: embedder_of(unit) for held_out, unit in self.units.items()}

    def _unseen(self, fold: int) -> Embedded:
        return self._embedded(fold, self.rows.pictures, self.rows.unseen, (UNSEEN, self.content))

    def _embedded(
        self, held_out: HeldOut, pictures: Pictures, indices: Ints, what: tuple[str, str]
    ) -> Embedded:
        """Once in a call, however often it is asked for: FRESH=1 would make it each time."""
        embedder = self._opened[held_out]
        key = (embedder.folder, what[0])
        if key not in self._made:
            self._made[key] = embed_pictures(self.rows.job, embedder, pictures, indices, what)
        return self._made[key]

    def _columns(
        self, aligned: Aligned, embedded: Embedded, pictureless: pl.DataFrame,
        which: tuple[int, HeldOut],
    ) -> pl.DataFrame:  # fmt: skip
        """By id; rows without a picture besides, which networks say nothing of."""
        fold, held_out = which
        ids = embedded.rows().select(ID)
        rows = ids.join(self.rows.table, on=ID, how="left", validate="1:1", maintain_order="left")
        used = np.flatnonzero((rows[SPLIT] != ANCHOR).to_numpy())
        made = columns_of(aligned, fold, view_of(embedded, used), rows[used])
        table = pl.concat([made, pictureless.select(ID)], how="diagonal")
        return table.with_columns(
            pl.lit(fold, dtype=pl.Int16).alias(FOLD),
            pl.lit(maker_of(self.units[held_out])).alias(MAKER),
        )


def prefix_of(fold: int) -> str:
    """Before the names of the files that hold the maps of one fold's boosters."""
    return f"fold_{fold}_"


def anchors_of(rows: PictureRows) -> Anchors:
    """As the recipe says: rows that no fold has anything to do with, or pictures of one's own."""
    config = rows.job.recipe.align
    if config.pictures is not None:
        return _of_ones_own(rows)
    splits = rows.table[SPLIT].gather(rows.unseen)
    known = np.flatnonzero((splits == config.anchors).to_numpy())
    among = known[anchor_places(len(known), config)]
    return Anchors(rows.pictures, rows.unseen[among], rows.content, among)


def _of_ones_own(rows: PictureRows) -> Anchors:
    """Pictures that are no rows here, and above all none that a network learnt from."""
    job, config = rows.job, rows.job.recipe.align
    place = config.pictures
    assert place is not None
    if not place.exists():
        raise ConfigError(f"align.pictures names {place}, which is not there.")
    if not job.recipe.verify.look_at_images:
        raise ConfigError(
            "align.pictures needs verify.look_at_images=true: by their bytes it is told that no "
            "network learns from them."
        )
    there = pictures_in(job, place)
    chosen = there[anchor_places(len(there), config)]
    reader = ImageReader(place if place.is_dir() else place.parent)
    learnt = rows.table.filter(pl.col(SPLIT) == TRAIN).select(ID)
    looked_at = job.need(verify.run).parquet("images.parquet", [ID, "sha256"])
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
        damaged = damaged_in(reader.folder, names, min(8, os.cpu_count() or 1), show)
    if damaged:
        raise DataError(f"Damaged pictures in align.pictures: {listed(list(damaged))}; mend them.")
    pictures = Pictures(reader, chosen[ID], chosen[IMAGE], MEMORY_GB)
    return Anchors(pictures, np.arange(len(chosen)), job.hashes.of(place), None)


def view_of(embedded: Embedded, indices: Ints | None = None) -> View:
    """What a network says of these pictures, or of those at some indices."""
    shares = embedded.rows().drop(ID)
    embedding = embedded.embedding()
    probability = shares.to_numpy() if shares.columns else np.zeros((len(embedding), 0))
    return View(*(x if indices is None else x[indices] for x in (embedding, probability)))


def columns_of(aligned: Aligned, fold: int, view: View, rows: pl.DataFrame) -> pl.DataFrame:
    """A network's view of these rows as the stack has it, by id; new data too goes through here."""
    size = rows[SIZE].cast(pl.Float64).to_numpy() if SIZE in rows.columns else None
    columns = aligned.columns(fold, view, Patients.of(rows[PATIENT]), size)
    return rows.select(ID).hstack(pl.DataFrame(columns).fill_nan(None))


def joined(tables: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """As one table by id and fold."""
    return pl.concat(tables, how="diagonal").sort(ID, FOLD)
