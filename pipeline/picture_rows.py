"""The run's rows that have a picture: by id, with who is held out, and what a network may learn.

`PictureFiles` are paths, which travel to another process; there they are opened once, with the
decoded pictures, however many networks look at them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import combinations
from pathlib import Path

import numpy as np
import polars as pl

from folds.findings import Findings, plural
from folds.frozen import FILE, splits
from folds.groups import GROUP, patient_column
from folds.headers import PIXEL_LIMIT
from folds.images import ImageReader
from folds.schema import ANCHOR, HOLDOUT, ID, IMAGE, SPLIT, TEST
from folds.sides import Sides, lesion_in_training
from models.input.pictures import Pictures
from models.networks.config import NetworkConfig
from models.networks.names import HeldOut
from models.networks.network import Network, TrainingRows, network_of
from pipeline.fold_table import folded_rows
from pipeline.job import Job
from pipeline.machine import memory_gb
from pipeline.samples import DUPLICATES, IMAGES, SAMPLES
from stacking.use import FOLD
from workspace.arrays import Ints
from workspace.errors import ConfigError
from workspace.hashing import sha256_text
from workspace.units import Unit, open_unit

INDEX = "index"
NO_NETWORK = (
    "The recipe has no network; add one, such as [networks.stage1] with base = 'first_stage', name "
    "it in use_networks, or take stack.networks=false."
)


@dataclass(frozen=True)
class PictureFiles:
    """Where rows and pictures are, and hashes of what they hold."""

    samples: Path
    folded: Path
    images: Path  # the raw data's folder, below which references lie
    group: str
    rows_sha: str
    folds_sha: str
    content: str  # a hash of what the pictures hold
    pixel_limit: int = PIXEL_LIMIT

    def open_pictures(self) -> Pictures:
        """Those of the rows, in their order."""
        return open_picture_rows(self).pictures

    def reader(self) -> ImageReader:
        return ImageReader(self.images, self.pixel_limit)

    def hashes(self) -> dict[str, str]:
        """Of the rows and of what their pictures hold."""
        return {SAMPLES: self.rows_sha, IMAGES: self.content}

    def duplicates(self) -> dict[str, str]:
        """A hash of the pairs by which lesions are one, where there are any."""
        verified = _verified(self)
        none = verified.parquet(DUPLICATES).is_empty()
        return {} if none else {DUPLICATES: verified.sha256(DUPLICATES)}


def picture_files(job: Job, verified: Unit, folded: Unit) -> PictureFiles:
    """Those of the run, if the recipe has pictures and one repeat of folds."""
    recipe = job.recipe
    if recipe.data.images == "none":
        raise ConfigError(
            "This recipe uses no images (data.images='none'); networks need them. For a stack of "
            "tables alone take stack.networks=false."
        )
    if recipe.folds.repeats > 1:
        raise ConfigError(f"Networks work on one repeat; folds.repeats is {recipe.folds.repeats}.")
    content = (
        verified.sha256(IMAGES)
        if recipe.verify.look_at_images
        else sha256_text(str(sorted(verified.manifest.inputs.items())))  # nobody looked at them
    )
    return PictureFiles(
        verified.folder,
        folded.folder,
        recipe.data.folder,
        recipe.data.group,
        verified.sha256(SAMPLES),
        folded.sha256(FILE),
        content,
        recipe.data.pixel_limit,
    )


@lru_cache(maxsize=1)
def open_picture_rows(files: PictureFiles) -> "PictureRows":
    """Once a process, as long as the files hold the same."""
    folded = open_unit(files.folded, "folds")
    samples = _verified(files).parquet(SAMPLES)
    rows = folded_rows(folded, samples)
    with_picture = pl.col(IMAGE).is_not_null()
    pictureless = rows.filter(~with_picture).select(ID, SPLIT, FOLD)
    return PictureRows(files, folded, rows.filter(with_picture), pictureless)


def _verified(files: PictureFiles) -> Unit:
    return open_unit(files.samples, "verify")


def notice_pictureless(job: Job, rows: "PictureRows") -> None:
    """Said once in a call."""
    count = len(rows.pictureless)
    if count and "pictureless" not in job.noticed:
        job.noticed.add("pictureless")
        job.say(f"notice: {plural(count, 'row')} without a picture: networks say nothing there.")


@dataclass(frozen=True)
class PictureRows:
    """The rows in the order of their ids, and what is done with them."""

    files: PictureFiles
    folded: Unit
    table: pl.DataFrame  # the sample table with fold, group and split
    pictureless: pl.DataFrame  # the rows without a picture: id, split and fold

    @cached_property
    def pictures(self) -> Pictures:
        reader = self.files.reader()
        return Pictures(reader, self.table[ID], self.table[IMAGE], memory_gb())

    @cached_property
    def groups(self) -> Ints:
        return self.table[GROUP].rank("dense").to_numpy().astype(np.int64)

    @cached_property
    def by_fold(self) -> dict[int, tuple[TrainingRows, Ints]]:
        """What may be learnt without a fold, and the indices of the rows that it holds out."""
        by_fold = {}
        for fold, training, held_out in splits(self.folded.parquet(FILE)):
            learnt, out = self._indices(training), self._indices(held_out)
            by_fold[fold] = (TrainingRows(fold, learnt, self.groups), out)
        return by_fold

    def fold_pairs(self, *, nested: bool) -> list[tuple[int, int]]:
        """The folds that networks leave out two by two, if the stack is nested."""
        if not nested:
            return []
        if len(self.by_fold) < 3:
            raise ConfigError(
                f"stack.nested needs three folds or more; there are {len(self.by_fold)}. Raise "
                "folds.n_folds, or take stack.nested=false."
            )
        return list(combinations(self.by_fold, 2))

    def without(self, held_out: HeldOut) -> tuple[TrainingRows, Ints]:
        """What a network may learn from that leaves out one fold or two, and what it holds out.

        One that leaves out none learns from whatever some fold learns from or holds out.
        """
        if isinstance(held_out, int):
            return self.by_fold[held_out]
        if held_out == ():
            every = [np.union1d(rows.training, out) for rows, out in self.by_fold.values()]
            all_rows = np.unique(np.concatenate(every))
            return TrainingRows(held_out, all_rows, self.groups), all_rows[:0]
        (one, first), (other, second) = (self.by_fold[fold] for fold in held_out)
        learnt = np.intersect1d(one.training, other.training)
        return TrainingRows(held_out, learnt, self.groups), np.union1d(first, second)

    @cached_property
    def by_side(self) -> tuple[TrainingRows, Ints]:
        """Of a scheme with three sides: what may be learnt and chosen on, and the test rows."""
        sides = Sides.of(self.folded.parquet(FILE))
        learnt, validation, test = (
            self._indices(s) for s in (sides.train, sides.valid, sides.test)
        )
        return TrainingRows(0, learnt, self.groups, validation), test

    @cached_property
    def leaks(self) -> pl.DataFrame:
        """The rows on the other two sides, and whether training has their lesion or picture too."""
        return lesion_in_training(self.table, _verified(self.files).parquet(DUPLICATES))

    @cached_property
    def unseen(self) -> Ints:
        """Indices of rows that no fold has anything to do with: test set, holdout and anchors."""
        return np.flatnonzero(self.table[SPLIT].is_in([TEST, HOLDOUT, ANCHOR]).to_numpy())

    @cached_property
    def _numbered(self) -> pl.DataFrame:
        """A column and no dict: that of 400,000 ids took seconds at every worker's start."""
        return self.table.select(ID, pl.int_range(pl.len()).alias(INDEX))

    def _indices(self, ids: pl.Series) -> Ints:
        """Of those that have a picture, by id."""
        asked = ids.sort().alias(ID).to_frame()
        numbered = asked.join(self._numbered, on=ID, how="inner", maintain_order="left")
        return numbered[INDEX].to_numpy().astype(np.int64)

    @cached_property
    def patient(self) -> pl.Series | None:
        """Whose each row is, where the data say it."""
        column = patient_column(self.files.group)
        return None if column is None else self.table[column]


def networks_of(job: Job, rows: PictureRows, findings: Findings) -> dict[str, Network]:
    """Those of the recipe that learn, by name, with the labels of these rows."""
    learning = {name: one for name, one in job.recipe.used.items() if one.task.learns}
    return _with_labels(learning, rows, findings)


def beginnings_of(job: Job, rows: PictureRows, findings: Findings) -> dict[str, Network]:
    """Those that are learnt for their weights alone."""
    return _with_labels(job.recipe.beginnings, rows, findings)


def _with_labels(
    configs: Mapping[str, NetworkConfig], rows: PictureRows, findings: Findings
) -> dict[str, Network]:
    return {name: network_of(name, one, rows.table, findings) for name, one in configs.items()}
