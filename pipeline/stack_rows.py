"""What a stack is made of: rows with their folds, features, blocks of further columns.

`StackFiles` are paths, which travel to another process; there they are opened once, however many
boosters are grown of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path

import polars as pl

from folds.frozen import FILE, load_folds
from folds.groups import GROUP
from folds.schema import ID, PATIENT, SPLIT, TARGET, TRAIN
from pipeline.job import Job
from pipeline.samples import SAMPLES
from pipeline.unit_files import TRAINING
from pipeline.unseen_members import PARTS, STACK, parts_of
from stacking.blocks import Block, open_block
from stacking.boosters.known import BOOSTERS
from stacking.matrix import NEVER, Matrix, Source, assemble, lazily, used_columns
from stacking.use import FOLD
from workspace.errors import ConfigError, name_some
from workspace.hashing import sha256_text
from workspace.units import Unit, open_unit

WHOLE = ("stratified_groups", "leave_one_hospital_out")  # schemes that hold out every row


@dataclass(frozen=True)
class StackFiles:
    """Folders of units, and a hash of what they hold."""

    samples: Path
    folded: Path
    featured: Path
    blocks: tuple[Path, ...]
    leave_out: tuple[str, ...]
    content: str

    @classmethod
    def of(
        cls, samples: Unit, folded: Unit, featured: Unit, blocks: Sequence[Unit],
        leave_out: Sequence[str],
    ) -> "StackFiles":  # fmt: skip
        units = (samples, folded, featured, *blocks)
        return cls(
            samples.folder,
            folded.folder,
            featured.folder,
            tuple(block.folder for block in blocks),
            tuple(leave_out),
            sha256_text(" ".join(unit.content() for unit in units)),
        )


@lru_cache(maxsize=1)
def open_stack(files: StackFiles) -> "StackRows":
    """Once a process, as long as the files hold the same."""
    folded, featured = open_unit(files.folded, "folds"), open_unit(files.featured, "features")
    samples = open_unit(files.samples, "verify").parquet(SAMPLES, [ID, TARGET, PATIENT])
    labels, patients = samples.select(ID, TARGET), samples.select(ID, pl.col(PATIENT).cast(str))
    table = load_folds(folded, labels).join(labels, on=ID, how="left", validate="1:1")
    columns = [ID, pl.col(FOLD).fill_null(NEVER), TARGET, GROUP]
    rows = table.filter(pl.col(SPLIT) == TRAIN).select(columns).sort(FOLD, ID)
    units = [open_unit(block, "embed") for block in files.blocks]
    blocks = tuple(open_block(unit, rows, folded.facts["fold_hash"]) for unit in units)
    return StackRows(files, folded, featured, rows, blocks, patients)


@dataclass(frozen=True)
class StackRows:
    """The rows and columns of a stack, read when they are first asked for."""

    files: StackFiles
    folded: Unit
    featured: Unit
    rows: pl.DataFrame  # ID, fold, target, group of the rows to train on, fold after fold
    blocks: tuple[Block, ...]
    patients: pl.DataFrame  # ID, patient of all rows, those outside the folds too

    @cached_property
    def matrix(self) -> Matrix:
        """All columns of all training rows."""
        return self.assembled(self.rows, self._sources())

    def assembled(self, rows: pl.DataFrame, sources: Sequence[Source]) -> Matrix:
        """A matrix of these rows that knows whose each is."""
        return assemble(
            rows.join(self.patients, on=ID, how="left", validate="1:1", maintain_order="left"),
            sources,
        )

    def learnt(self, columns: Sequence[str], fold: int) -> Matrix:
        """These columns of all training rows, as the boosters of this fold may learn from them."""
        some = set(columns)
        if not any(block.nested and some.intersection(block.columns) for block in self.blocks):
            return self.matrix.select(columns)
        return self.assembled(self.rows, self._sources(fold)).select(columns)

    def unseen(self, rows: pl.DataFrame, file: str, fold: int) -> Matrix:
        """The same columns of rows outside the folds, as the makers of this fold see them."""
        sources = [self._features(file), *(block.unseen(fold) for block in self.blocks)]
        return self.assembled(rows, [self.used(source) for source in sources])

    @cached_property
    def fold_numbers(self) -> list[int]:
        return sorted(set(self.rows[FOLD].to_list()) - {NEVER})

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The names of the matrix, known without it."""
        own = [name for block in self.blocks for name in block.columns]
        names = [*self.featured.facts["names"], *own]
        return tuple(used_columns(names, self.files.leave_out))

    def columns_of(self, name: str) -> tuple[str, ...]:
        """The columns of a part of the stack, or of a member that has them all."""
        return parts_of(self.columns).get(name, self.columns)

    def ids(self, split: str) -> pl.DataFrame:
        """The rows of another split, by id."""
        table = self.folded.parquet(FILE, [ID, SPLIT])
        return table.filter(pl.col(SPLIT) == split).select(ID).sort(ID)

    def hashes(self, columns: Sequence[str], fold: int | None = None) -> dict[str, str]:
        """What boosters on these columns, of one fold if nested, depend on besides the recipe."""
        used = {
            SAMPLES: open_unit(self.files.samples, "verify").sha256(SAMPLES),  # labels are there
            FILE: self.folded.sha256(FILE),
            TRAINING: self.featured.sha256(TRAINING),
        }
        some = [block for block in self.blocks if set(block.columns) & set(columns)]
        return used | {name: sha for block in some for name, sha in block.hashes(fold).items()}

    def tables(self) -> Source:
        """The features of the training rows."""
        return self.used(self._features(TRAINING))

    def used(self, source: Source) -> Source:
        """Its columns but those that the recipe leaves out."""
        columns = tuple(name for name in source.columns if name in self._wanted)
        return replace(source, columns=columns)

    @cached_property
    def _wanted(self) -> frozenset[str]:
        return frozenset(self.columns)

    def _sources(self, fold: int | None = None) -> list[Source]:
        return [self.tables(), *(self.used(block.training(fold)) for block in self.blocks)]

    def _features(self, file: str) -> Source:
        return lazily(file, self.featured.facts["names"], lambda: self.featured.lazy(file))


def stack_files(job: Job, units: Mapping[str, Unit], networks: Sequence[Unit]) -> StackFiles:
    """The files of the recipe's stack: `units` are samples, folds, features, by their names.

    `networks` are the blocks of the run's own networks; the recipe may name others.
    """
    blocks = [open_unit(Path(folder), STACK) for folder in job.recipe.stack.blocks]
    blocks += networks
    _check_names([unit.folder.name for unit in blocks])
    files = StackFiles.of(
        units["samples"], units["folds"], units["features"], blocks, job.recipe.stack.leave_out
    )
    _check_nested(job.recipe.stack.nested, open_stack(files).blocks)
    return files


def check_repeats(job: Job) -> None:
    """The stack takes the folds as they were drawn once."""
    repeats = job.recipe.folds.repeats
    if repeats > 1:
        raise ConfigError(
            f"The stack works on one repeat of the folds; folds.repeats is {repeats}."
        )


def check_held_out(folded: Unit) -> None:
    """Networks are stacked out of fold; said before one is trained."""
    table = folded.parquet(FILE, [SPLIT, FOLD])
    if table.filter(pl.col(SPLIT) == TRAIN)[FOLD].null_count():
        raise ConfigError(
            "Networks say nothing out of fold of rows that no fold holds out; take a "
            "folds.scheme that holds out every row, or stack.networks=false."
        )


def notice_unstacked(job: Job) -> None:
    """Pictures that a recipe has networks for, and does not stack: said, once in a call."""
    recipe = job.recipe
    sees = recipe.used and recipe.data.images != "none"
    if recipe.stack.networks or not sees or "unstacked" in job.noticed:
        return
    job.noticed.add("unstacked")
    mend = "SET=\"stack.networks=true\" stacks it, given from 'make folds' on"
    if recipe.folds.scheme not in WHOLE:
        mend = f"only folds that hold out every row could, not folds.scheme={recipe.folds.scheme}"
    job.say(
        f"notice: what networks see of the pictures ({name_some(recipe.used)}) is not in the "
        f"stack, which is of tables alone (stack.networks=false); {mend}."
    )


def _check_names(blocks: Sequence[str]) -> None:
    """A block's folder names it among the members, and in what boosters were made from."""
    taken = {
        name for name in blocks if blocks.count(name) > 1 or name in (STACK, *PARTS, *BOOSTERS)
    }
    if taken:
        raise ConfigError(
            f"Blocks are called as another score is: {name_some(sorted(taken))}; rename their "
            "folders."
        )


def _check_nested(nested: bool, blocks: Sequence[Block]) -> None:
    """Rows made for boosters of each fold alone are of no use to others, nor others' to them."""
    # By the folder's own name, which is no other's; a path would be cut before it.
    other = [b.unit.folder.name for b in blocks if b.nested != nested and not b.same_for_all]
    if other:
        kind = "no rows made for each fold's boosters" if nested else "rows for nested boosters"
        raise ConfigError(
            f"stack.nested={str(nested).lower()}, but these blocks have {kind}: "
            f"{name_some(other)}; make them so, or leave them out of stack.blocks."
        )
