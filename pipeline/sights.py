"""What a run's networks see of its pictures, as columns for the stack.

For the boosters of a fold, rows of each fold are seen by one network: their crew. Where stacks are
not nested all folds have the same crew, of networks that leave out their own fold each. Nested, the
boosters of fold k have a crew that never saw fold k: its network, and those that left out k and
another fold. An encoder that learnt nothing here is every fold's crew.
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
from models.cascade.fold import Ints, Left
from models.input.folder import damaged_in
from models.input.pictures import Pictures
from pipeline.embeddings import Eye, Seen, eye_of, look
from pipeline.networks import MEMORY_GB, Inputs, content_of, maker_of
from pipeline.new_data import pictures_in
from scripts import verify
from stacking.alignment.anchors import anchor_places
from stacking.alignment.columns import Aligned, View
from stacking.alignment.patients import Patients
from stacking.fold import FOLD
from stacking.oof import MAKER
from workspace.errors import ConfigError, DataError, listed
from workspace.units import Unit

SIZE = "clin_size_long_diam_mm"  # by which the patient's largest lesion is found, if it is there


@dataclass(frozen=True)
class Anchors:
    """The pictures on which views are brought together; no network learnt from them."""

    pictures: Pictures
    places: Ints  # of them
    content: str  # a hash of what they hold
    among: Ints | None  # where they are among the rows outside the folds, if they are such rows

    def __len__(self) -> int:
        return len(self.places)


@dataclass(frozen=True)
class Crew:
    """Who sees the rows of each fold, for the boosters of some folds."""

    folds: tuple[int, ...]
    seen_by: Mapping[int, Left]
    prefix: str = ""  # of the files that hold its maps


@dataclass(frozen=True)
class Sights:
    """All that the networks of one name see; each shard is made when it is first asked for."""

    inputs: Inputs
    units: Mapping[Left, Unit]
    anchors: Anchors
    content: str  # a hash of what the run's pictures hold
    _seen: dict[tuple[str, str], Seen] = field(default_factory=dict)

    def crews(self) -> Iterator[Crew]:
        """One for all folds, or one for each."""
        folds = tuple(self.inputs.parts)
        if not self.pairs:
            yield Crew(folds, {fold: fold for fold in folds})
            return
        for fold in folds:
            others: dict[int, Left] = {
                other: fold if other == fold else (min(fold, other), max(fold, other))
                for other in folds
            }
            yield Crew((fold,), others, prefix_of(fold))

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """What the networks tell apart; an encoder nothing."""
        return next(iter(self._eyes.values())).use.classes

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """The pairs of folds that networks of this name left out."""
        return [left for left in self.units if not isinstance(left, int)]

    def of_anchors(self, left: Left) -> View:
        """What a network says of the anchors."""
        if self.anchors.among is not None and isinstance(left, int):
            return view_of(self._outside(left), self.anchors.among)
        at, what = self.anchors, ("anchors", self.anchors.content)
        return view_of(self._look(left, at.pictures, at.places, what))

    def held_out(self, aligned: Aligned, fold: int, left: Left) -> pl.DataFrame:
        """Columns of the rows of a fold, which the network that saw them left out."""
        name = "held_out" if self._eyes[left].use.fold == fold else f"held_out_{fold}"
        places = self.inputs.parts[fold][1]
        seen = self._look(left, self.inputs.pictures, places, (name, self.content))
        blind = self.inputs.blind.filter((pl.col(SPLIT) == TRAIN) & (pl.col(FOLD) == fold))
        return self._columns(aligned, seen, blind, fold, left)

    def outside(self, aligned: Aligned, fold: int) -> pl.DataFrame:
        """Columns of the rows outside the folds, but for anchors, as the fold's network sees."""
        blind = self.inputs.blind.filter(pl.col(SPLIT).is_in([TEST_SPLIT, HOLDOUT]))
        return self._columns(aligned, self._outside(fold), blind, fold, fold)

    def inner_makers(self) -> dict[str, dict[str, str]]:
        """By fold of the boosters and fold of the rows that they learn from: who made these."""
        return {
            str(crew.folds[0]): {
                str(fold): maker_of(self.units[left])
                for fold, left in crew.seen_by.items()
                if fold != crew.folds[0]
            }
            for crew in self.crews()
        }

    @cached_property
    def _eyes(self) -> dict[Left, Eye]:
        return {left: eye_of(unit) for left, unit in self.units.items()}

    def _outside(self, fold: int) -> Seen:
        what = ("elsewhere", self.content)
        return self._look(fold, self.inputs.pictures, self.inputs.elsewhere, what)

    def _look(self, left: Left, pictures: Pictures, places: Ints, what: tuple[str, str]) -> Seen:
        """Once in a call, however often it is asked for: FRESH=1 would look again each time."""
        eye = self._eyes[left]
        key = (eye.folder, what[0])
        if key not in self._seen:
            self._seen[key] = look(self.inputs.job, eye, pictures, places, what)
        return self._seen[key]

    def _columns(
        self, aligned: Aligned, seen: Seen, blind: pl.DataFrame, fold: int, left: Left
    ) -> pl.DataFrame:
        """By id; rows without a picture besides, which networks say nothing of."""
        ids = seen.rows().select(ID)
        rows = ids.join(self.inputs.rows, on=ID, how="left", validate="1:1", maintain_order="left")
        used = np.flatnonzero((rows[SPLIT] != ANCHOR).to_numpy())
        made = columns_of(aligned, fold, view_of(seen, used), rows[used])
        table = pl.concat([made, blind.select(ID)], how="diagonal")
        return table.with_columns(
            pl.lit(fold, dtype=pl.Int16).alias(FOLD),
            pl.lit(maker_of(self.units[left])).alias(MAKER),
        )


def prefix_of(fold: int) -> str:
    """Before the names of the files that hold the maps of a fold's own crew."""
    return f"fold_{fold}_"


def anchors_of(inputs: Inputs) -> Anchors:
    """As the recipe says: rows that no fold has anything to do with, or pictures of one's own."""
    config = inputs.job.recipe.align
    if config.pictures is not None:
        return _of_ones_own(inputs)
    splits = inputs.rows[SPLIT].gather(inputs.elsewhere)
    known = np.flatnonzero((splits == config.anchors).to_numpy())
    among = known[anchor_places(len(known), config)]
    return Anchors(inputs.pictures, inputs.elsewhere[among], content_of(inputs), among)


def _of_ones_own(inputs: Inputs) -> Anchors:
    """Pictures that are no rows here, and above all none that a network learnt from."""
    job, config = inputs.job, inputs.job.recipe.align
    place = config.pictures
    assert place is not None
    if not place.exists():
        raise ConfigError(f"align.pictures names {place}, which is not there.")
    if not job.recipe.verify.look_at_images:
        raise ConfigError(
            "align.pictures needs verify.look_at_images=true: by their bytes it is told that no "
            "network learns from them."
        )
    rows = pictures_in(job, place)
    chosen = rows[anchor_places(len(rows), config)]
    reader = ImageReader(place if place.is_dir() else place.parent)
    learnt = inputs.rows.filter(pl.col(SPLIT) == TRAIN).select(ID)
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


def view_of(seen: Seen, places: Ints | None = None) -> View:
    """What a network says of these pictures, or of those at some places."""
    told = seen.rows().drop(ID)
    embedding = seen.embedding()
    probability = told.to_numpy() if told.columns else np.zeros((len(embedding), 0))
    return View(*(x if places is None else x[places] for x in (embedding, probability)))


def columns_of(aligned: Aligned, fold: int, view: View, rows: pl.DataFrame) -> pl.DataFrame:
    """A network's view of these rows as the stack has it, by id; new data too goes through here."""
    size = rows[SIZE].cast(pl.Float64).to_numpy() if SIZE in rows.columns else None
    columns = aligned.columns(fold, view, Patients.of(rows[PATIENT]), size)
    return rows.select(ID).hstack(pl.DataFrame(columns).fill_nan(None))


def joined(tables: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """As one table by id and fold."""
    return pl.concat(tables, how="diagonal").sort(ID, FOLD)
