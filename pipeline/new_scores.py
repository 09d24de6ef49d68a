"""New rows through a run's stack: which part of it can score them all, and what it says.

What the run hands in scores the rows if they have all that it is made of. Otherwise one part does
it for every row: `tabular` where there are no pictures, `images` where there are no tables. Scores
of two parts have two scales, so they are never mixed within one prediction.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
from pydantic import ValidationError

from features.state import State
from folds.schema import ID, IMAGE
from pipeline.new_data import NewData
from pipeline.unit_files import STATE, TRAINING
from pipeline.unseen_members import (
    IMAGE_COLUMNS,
    PARTS,
    RULE,
    STACK,
    kept_blend,
    kept_calibration,
    kept_rule,
)
from stacking.blending.members import join_unseen
from stacking.blending.policies import blend_unseen
from stacking.blocks import OOF
from stacking.boosters.known import BOOSTERS
from stacking.calibration.kept import FILE as CALIBRATION
from stacking.calibration.kept import Calibrated
from stacking.matrix import Matrix, assemble, lazily
from stacking.oof import all_files
from stacking.thresholds import FILE as THRESHOLD
from stacking.thresholds import ThresholdSheet
from stacking.unseen import averaged_views, fold_scores
from stacking.use import FOLD, SCORE, USE
from workspace.errors import ArtifactError, ConfigError, name_some
from workspace.manifest import load_manifest
from workspace.units import Unit, open_unit

if TYPE_CHECKING:
    from pipeline.new_columns import NewColumns

TABULAR, IMAGES = PARTS


@dataclass(frozen=True)
class Stacked:
    """A run's finished stack, and the boosters and networks that belong to it."""

    run: Path
    unit: Unit
    featured: Unit

    @classmethod
    def open(cls, run: Path) -> "Stacked":
        """Both must be finished."""
        return cls(run, _finished(run, STACK), _finished(run, "features"))

    def refuse_source(self, source: str) -> None:
        """New data are read as the run's own were."""
        for unit in (self.unit, self.featured):
            made_from = unit.manifest.recipe["data"]["source"]
            if made_from != source:
                raise ConfigError(
                    f"{self.run} was made from source {made_from}, but the recipe reads {source}; "
                    "name the run's own RECIPE=."
                )

    def boosters(self, name: str) -> dict[int, Unit]:
        """A member's by fold, if they are those of the stack and learnt from these features."""
        by_fold = {}
        for folder, sha in self._used(name).items():
            unit = open_unit(self.run / "boosters" / folder, STACK)
            learnt_from = unit.manifest.inputs
            if all_files(unit) != sha or learnt_from[TRAINING] != self.featured.sha256(TRAINING):
                raise ArtifactError(
                    f"{unit.folder} is not what {self.unit.folder} and {self.featured.folder} "
                    "belong to; run 'make stack' again."
                )
            by_fold[int(folder.rpartition("_")[2])] = unit
        return dict(sorted(by_fold.items()))

    def hashes(self) -> dict[str, str]:
        """What a prediction is made by; boosters' own hashes hang on their networks' columns."""
        used = {folder: sha for name in self.grown for folder, sha in self._used(name).items()}
        files = [
            name for name in (RULE, CALIBRATION, THRESHOLD) if name in self.unit.manifest.files
        ]
        return used | {name: self.unit.sha256(name) for name in files}

    @cached_property
    def state(self) -> State:
        """What the run's features are made by."""
        try:
            return State.model_validate_json(self.featured.text(STATE))
        except ValidationError as error:
            raise ArtifactError(
                f"{self.featured.path(STATE)} was written by another version of the features; run "
                "'make stack' anew."
            ) from error

    @cached_property
    def policy(self) -> str:
        """What the run hands in: the stack, or a blend of members."""
        return str(self.unit.manifest.settings["blend"]["policy"])

    @property
    def threshold(self) -> "ThresholdSheet | None":
        """Where to flag what the run hands in; None: a stack of before did not say."""
        if THRESHOLD not in self.unit.manifest.files:
            return None
        sheet: ThresholdSheet = self.unit.json(THRESHOLD)
        return sheet

    @cached_property
    def handed_in(self) -> tuple[str, ...]:
        """The members that it is made of."""
        return (STACK,) if self.policy == STACK else tuple(self.unit.json(RULE)["members"])

    @property
    def blend(self) -> str:
        """What the blend is made of, as a sentence has it; the policy alone, if it is none."""
        roles = None if self.policy == STACK else kept_rule(self.unit).roles
        if roles is not None:
            return f"{self.policy}: ranked by {roles[0]}, flagged by {roles[1]}"
        return f"{self.policy} of {', '.join(self.handed_in)}"

    def columns(self, name: str) -> list[str]:
        """What a member's boosters learnt from."""
        names: list[str] = next(iter(self.boosters(name).values())).json(USE)["columns"]
        return names

    @cached_property
    def folds(self) -> tuple[int, ...]:
        """Those of the boosters, lowest first."""
        return tuple(sorted(int(name.rpartition("_")[2]) for name in self._used(STACK)))

    @cached_property
    def sees(self) -> bool:
        """Whether there are networks in the stack."""
        return bool(self._blocks())

    @cached_property
    def parts(self) -> tuple[str, ...]:
        """Its two parts, where it has columns of both kinds."""
        return tuple(name for name in PARTS if self._used(name))

    @cached_property
    def others(self) -> tuple[str, ...]:
        """Boosters that are members beside the stack's own."""
        return tuple(name for name in BOOSTERS if self._used(name))

    @property
    def grown(self) -> tuple[str, ...]:
        """The members that boosters are."""
        return (STACK, *self.others, *self.parts)

    @cached_property
    def networks(self) -> tuple[str, ...]:
        """Whose columns are in the stack."""
        return tuple(Path(folder).name for folder in self._blocks())

    def refuse_other_blocks(self) -> None:
        """New rows can be shown to the run's own networks, if these boosters learnt from them."""
        for folder, sha in self._blocks().items():
            place = self.run / "blocks" / Path(folder).name
            if not place.is_dir():
                raise ConfigError(
                    f"{self.run} was stacked with {place.name}, which is no network of the run "
                    "and cannot look at new data; score by the tables alone with "
                    'SET="data.images=none".'
                )
            if open_unit(place, "embed").sha256(OOF) != sha:
                raise ArtifactError(
                    f"{place} is not what {self.unit.folder} learnt from; run 'make stack' again."
                )

    def _blocks(self) -> dict[str, str]:
        """The folders of the stack's blocks, with the hashes of what was learnt from."""
        inputs = self.unit.manifest.inputs
        return {n: sha for n, sha in inputs.items() if f"{n} test" in inputs}

    def _used(self, name: str) -> dict[str, str]:
        inputs = self.unit.manifest.inputs
        return {n: sha for n, sha in inputs.items() if n.startswith(f"{name}_fold_")}


def _finished(run: Path, stage: str) -> Unit:
    if load_manifest(run / stage) is None:
        raise ArtifactError(
            f"{run} holds no finished {stage}; name the run with RUN= (or its RECIPE=), or "
            "run 'make stack' first."
        )
    return open_unit(run / stage, stage)


@dataclass(frozen=True)
class Choice:
    """Who scores the rows: one member, or a blend of some."""

    name: str
    members: tuple[str, ...]
    networks: tuple[str, ...]  # that must look at the pictures
    told: str


def choose(stacked: Stacked, data: NewData, rows: pl.DataFrame) -> Choice:
    """What the run hands in, where the rows have all it is made of; otherwise a part of it."""
    networks, policy = stacked.networks, stacked.policy
    if not stacked.sees:
        members = stacked.handed_in
        used = "stack (tabular columns)" if policy == STACK else stacked.blend
        return Choice(policy, members, (), f"used {used}.")
    can, why = {*stacked.grown, *networks}, ""
    if data.alone:
        alone = {IMAGES} if stacked.parts else {STACK, *stacked.others}
        can, why = {*networks, *alone}, "no table in DATA"
    elif rows[IMAGE].null_count() == len(rows):
        can, why = {TABULAR}, "data.images is 'none'" if data.blind else "no picture in DATA"
        if not stacked.parts:
            raise ConfigError(
                f"{why}, but the stack of {stacked.run} learnt from pictures alone; add them."
            )
    if can.issuperset(stacked.handed_in):
        members = stacked.handed_in
        used = stacked.blend
        if policy == STACK:
            tables = ["tabular columns"] if stacked.parts else []
            used = f"stack ({', '.join([*tables, *networks])})"
        looking = networks if {STACK, IMAGES, *stacked.others} & set(members) else members
        return Choice(policy, members, tuple(n for n in networks if n in looking),
                      f"{why and f'{why}: '}used {used}.")  # fmt: skip
    part, looking = (TABULAR, ()) if TABULAR in can else (IMAGES, networks)
    if not stacked.parts:
        part = STACK
    used = f"{part} ({', '.join(looking)})" if looking else part
    unused = [name for name in (*stacked.grown, *networks) if name not in (part, *looking)]
    lacking = "" if policy == STACK else f"; {policy}, which the run hands in, needs others"
    told = f"{why}: used {used}; not used: {', '.join(unused)}{lacking}."
    return Choice(part, (part,), looking, told)


@dataclass(frozen=True)
class Scorer:
    """New rows with what is known of them, ready for the boosters."""

    stacked: Stacked
    choice: Choice
    rows: pl.DataFrame  # ID, patient
    features: pl.DataFrame | None  # None: no tables
    networks: "Mapping[str, NewColumns]" = field(default_factory=dict)

    def scores(self) -> pl.DataFrame:
        """(ID, score, fold_sd), by the very functions that score the test set."""
        return self.joined({fold: self.of_fold(fold) for fold in self.folds})

    @cached_property
    def folds(self) -> tuple[int, ...]:
        """Those whose models score, lowest first."""
        name = self.choice.members[0]
        boosted = name in self.stacked.grown
        return tuple(
            sorted(self.stacked.boosters(name) if boosted else self.networks[name].by_fold)
        )

    def of_fold(self, fold: int) -> dict[str, pl.DataFrame]:
        """By member (ID, fold, score): the rows as the models of this fold see them."""
        by_member = {}
        for name in self.choice.members:
            if name in self.stacked.grown:
                matrix = self._matrix(self.stacked.columns(name), fold)
                score = fold_scores(matrix, self.stacked.boosters(name)[fold])
                table = matrix.rows.select(ID).with_columns(
                    pl.lit(fold, dtype=pl.Int16).alias(FOLD), pl.Series(SCORE, score)
                )
            else:
                table = self.networks[name].scores_of(fold)
            by_member[name] = table
        return by_member

    def joined(self, by_fold: Mapping[int, Mapping[str, pl.DataFrame]]) -> pl.DataFrame:
        """(ID, score, fold_sd) of the folds that scored: all, or those that there was time for."""
        if self.choice.name in self.stacked.grown:
            tables = [by_member[self.choice.name] for by_member in by_fold.values()]
            assert all(table[ID].equals(self.rows[ID]) for table in tables)
            return averaged_views(
                self.rows,
                [table[SCORE].to_numpy() for table in tables],
                self.stacked.unit.manifest.settings["average"],
                self.calibrated,
            )
        some, rule = kept_blend(self.stacked.unit)
        tables_of = {
            name: pl.concat(by_member[name] for by_member in by_fold.values())
            for name in some.names
        }
        each = join_unseen(some, self.rows[ID], tables_of, list(by_fold))
        return blend_unseen(some, self.rows[ID], each, rule, self.calibrated)

    @property
    def calibrated(self) -> Calibrated | None:
        """The stack's own; none for a part of it, whose scores the map does not know."""
        whole = self.choice.members == self.stacked.handed_in
        return kept_calibration(self.stacked.unit) if whole else None

    def means(self) -> pl.DataFrame:
        """Each network's mean probabilities by id."""
        table = self.rows.select(ID)
        for network in self.networks.values():
            table = table.join(network.means(), on=ID, how="left", maintain_order="left")
        return table

    def _matrix(self, columns: Sequence[str], fold: int) -> Matrix:
        """These columns as the networks of this fold see the rows."""
        seen = [name for name in columns if name.startswith(IMAGE_COLUMNS)]
        others = [name for name in columns if not name.startswith(IMAGE_COLUMNS)]
        sources = [one.source(fold, seen) for one in self.networks.values() if seen]
        if others:
            assert self.features is not None
            sources.insert(0, lazily("the new data", others, self.features.lazy))
        matrix = assemble(self.rows, sources)
        lacking = sorted(set(columns) - set(matrix.columns))
        if lacking:
            raise ArtifactError(
                f"The networks of {self.stacked.run} give no columns {name_some(lacking)}, "
                "which its boosters learnt from; run 'make stack' again."
            )
        return matrix.select(columns)
