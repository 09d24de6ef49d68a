"""The run's rows that have a picture: by id, with who is held out, and what a network may learn."""

from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np
import polars as pl

from folds.findings import Findings, plural
from folds.frozen import FILE, load_folds, splits
from folds.groups import GROUP
from folds.images import ImageReader
from folds.schema import ANCHOR, HOLDOUT, ID, IMAGE, SPLIT, TEST
from models.input.pictures import Pictures
from models.networks.network import HeldOut, Network, TrainingRows, network_of
from scripts import folds, verify
from scripts.stage import Job
from scripts.verify import SAMPLES
from stacking.fold import FOLD
from workspace.arrays import Ints
from workspace.errors import ConfigError
from workspace.hashing import sha256_text
from workspace.units import Unit

MEMORY_GB = 4.0  # of decoded pictures; more are decoded anew whenever they are shown
NO_NETWORK = (
    "The recipe has no network; add one, such as [networks.stage1] with base = 'first_stage', name "
    "it in use_networks, or take stack.networks=false."
)


@dataclass(frozen=True)
class PictureRows:
    """The rows in the order of their ids, and what is done with them."""

    job: Job
    folded: Unit
    table: pl.DataFrame  # the sample table with fold, group and split
    pictureless: pl.DataFrame  # the rows without a picture: id, split and fold

    @cached_property
    def pictures(self) -> Pictures:
        reader = ImageReader(self.job.recipe.data.folder)
        return Pictures(reader, self.table[ID], self.table[IMAGE], MEMORY_GB)

    @cached_property
    def groups(self) -> Ints:
        return self.table[GROUP].rank("dense").to_numpy().astype(np.int64)

    @cached_property
    def by_fold(self) -> dict[int, tuple[TrainingRows, Ints]]:
        """What may be learnt without a fold, and the indices of the rows that it holds out."""
        index = {name: number for number, name in enumerate(self.table[ID].to_list())}
        found = {}
        for fold, training, held_out in splits(self.folded.parquet(FILE)):
            learnt, out = (
                np.array([index[name] for name in ids if name in index], np.int64)
                for ids in (training.sort(), held_out.sort())
            )
            found[fold] = (TrainingRows(fold, learnt, self.groups), out)
        return found

    @property
    def fold_pairs(self) -> list[tuple[int, int]]:
        """The folds that networks leave out two by two, if the stack is nested."""
        if not self.job.recipe.stack.nested:
            return []
        if len(self.by_fold) < 3:
            raise ConfigError(
                f"stack.nested needs three folds or more; there are {len(self.by_fold)}. Raise "
                "folds.n_folds, or take stack.nested=false."
            )
        return list(combinations(self.by_fold, 2))

    def without(self, held_out: HeldOut) -> tuple[TrainingRows, Ints]:
        """What a network may learn from that leaves out one fold or two, and what it holds out."""
        if isinstance(held_out, int):
            return self.by_fold[held_out]
        (one, first), (other, second) = (self.by_fold[fold] for fold in held_out)
        learnt = np.intersect1d(one.training, other.training)
        return TrainingRows(held_out, learnt, self.groups), np.union1d(first, second)

    @cached_property
    def unseen(self) -> Ints:
        """Indices of rows that no fold has anything to do with: test set, holdout and anchors."""
        return np.flatnonzero(self.table[SPLIT].is_in([TEST, HOLDOUT, ANCHOR]).to_numpy())

    @cached_property
    def patient(self) -> pl.Series | None:
        """Whose each row is, where the data say it."""
        return None if self.job.recipe.data.group == "none" else self.table[GROUP]

    def networks(self, findings: Findings) -> dict[str, Network]:
        """Those of the recipe that learn, by name, with the labels of these rows."""
        return {
            name: network_of(name, config, self.table, findings)
            for name, config in self.job.recipe.used.items()
            if config.task.learns
        }

    @cached_property
    def content(self) -> str:
        """A hash of what the pictures hold; of their files, where none was looked at."""
        verified = self.job.need(verify.run)
        if self.job.recipe.verify.look_at_images:
            return verified.sha256("images.parquet")
        return sha256_text(str(sorted(verified.manifest.inputs.items())))

    def hashes(self) -> dict[str, str]:
        """Of the rows and of what their pictures hold."""
        samples = self.job.need(verify.run).sha256(SAMPLES)
        return {SAMPLES: samples, "images.parquet": self.content}


def load_picture_rows(job: Job) -> PictureRows:
    """Samples and folds of the run, made first where needed."""
    if job.recipe.data.images == "none":
        raise ConfigError(
            "This recipe uses no images (data.images='none'); networks need them. For a stack of "
            "tables alone take stack.networks=false."
        )
    if job.recipe.folds.repeats > 1:
        raise ConfigError(
            f"Networks work on one repeat; folds.repeats is {job.recipe.folds.repeats}."
        )
    folded, verified = job.need(folds.run), job.need(verify.run)
    samples = verified.parquet(SAMPLES)
    frozen = load_folds(folded, samples.select(ID)).select(ID, SPLIT, GROUP, FOLD)
    rows = samples.drop(SPLIT).join(frozen, on=ID, how="inner", validate="1:1").sort(ID)
    pictureless = rows.filter(pl.col(IMAGE).is_null()).select(ID, SPLIT, FOLD)
    if len(pictureless):
        job.say(
            f"notice: {plural(len(pictureless), 'row')} without a picture: networks say nothing "
            "there."
        )
    return PictureRows(job, folded, rows.filter(pl.col(IMAGE).is_not_null()), pictureless)
