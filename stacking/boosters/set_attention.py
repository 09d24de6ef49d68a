"""A member that sees the patient whole: the ugly-duckling sign learnt instead of computed.

A small network over all lesions of a patient (`set_network`), behind the boosters' protocol. Its
columns go in as `scale` makes them. Rows drawn for a model are those that its loss counts; their
patients' other training rows are seen beside them. Not told whose rows are, it takes each for a
patient of its own. Models are JSON: weights, and what is needed to use them.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from stacking.boosters.booster import BoosterConfig, Range
from stacking.boosters.rows import check_columns, gathered
from stacking.boosters.scale import Scale, scale_of
from workspace.arrays import Floats, Floats32, Ints
from workspace.lazy import LazyModule
from workspace.units import Unit

if TYPE_CHECKING:
    from stacking.boosters.set_network import SetNetwork, Shape

network = LazyModule("stacking.boosters.set_network")

EXPLAINED = 200  # training patients by whose scores a column's gain is measured


class SetAttentionConfig(BaseModel):
    """The network's size and how it learns; its rate falls to nought by the last round."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    file: ClassVar[str] = "set_attention_{}.json"
    ranges: ClassVar[Mapping[str, Range]] = {
        "rounds": Range(10, 60),
        "rate": Range(3e-4, 1e-2, log=True),
        "weight_decay": Range(1e-3, 1.0, log=True),
        "dropout": Range(0.0, 0.5),
    }

    rounds: int = Field(default=30, ge=1, le=10_000)  # epochs
    hidden: int = Field(default=32, ge=1, le=1024)
    blocks: int = Field(default=1, ge=0, le=8)  # of attention; 0: each lesion for itself
    points: int = Field(default=8, ge=1, le=256)  # through which lesions learn of each other
    heads: int = Field(default=4, ge=1, le=32)
    dropout: float = Field(default=0.2, ge=0, lt=1)
    rate: float = Field(default=3e-3, gt=0, le=1)
    weight_decay: float = Field(default=0.05, ge=0)
    batch: int = Field(default=16, ge=1)  # patients a step

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        if self.hidden % self.heads:
            raise ValueError(f"hidden={self.hidden} is no multiple of heads={self.heads}")
        return self

    def bin_rows(
        self,
        blocks: Sequence[Floats32],
        target: Floats,
        columns: Sequence[str],
        threads: int | None = None,
    ) -> "SetRows":
        """Find the scale of these rows."""
        return SetRows(tuple(blocks), target, scale_of(blocks, columns), self)

    def shape(self, width: int) -> "Shape":
        """The network's, on a design so wide."""
        shape: Shape = network.Shape(
            width, self.hidden, self.blocks, self.points, self.heads, self.dropout
        )
        return shape

    @classmethod
    def load(cls, unit: Unit, name: str, columns: Sequence[str]) -> "SetModel":
        """A kept model: its hash is checked before a byte is read, then its columns."""
        values: dict[str, Any] = json.loads(unit.text(name))
        scale = Scale(**values["scale"])
        check_columns(unit, name, scale.columns, columns)
        shape = network.Shape(**values["shape"])
        module = network.restored(shape, values["weights"])
        return SetModel(scale, module, shape, tuple(values["gains"]))


@dataclass(frozen=True, eq=False)
class SetRows:
    """The training rows of a fold, and their scale."""

    blocks: tuple[Floats32, ...]
    target: Floats
    scale: Scale
    config: SetAttentionConfig
    patients: Ints | None = None  # (rows,); None: each row is of another

    @property
    def side_by_side(self) -> int:
        return 1  # chance and threads are a process's

    @property
    def threads(self) -> int | None:
        return 1

    def of(self, patients: Ints) -> "SetRows":
        return replace(self, patients=patients)

    def grow(self, indices: Ints, seed: int, rounds: int) -> "SetModel":
        config, shape = self.config, self.config.shape(self.scale.width)
        learning = network.Learning(rounds, config.rate, config.weight_decay, config.batch, seed)
        sets = _sets(self.patients, len(self.target))
        counts = np.bincount(indices, minlength=len(self.target))
        fitted = network.fit(self._design, self.target, counts, sets, shape, learning)
        some = np.isin(sets, np.unique(sets)[:EXPLAINED])
        moved = _by_column(self.scale, network.moved(fitted, self._design[some], sets[some]))
        return SetModel(self.scale, fitted, shape, tuple((moved / (moved.sum() or 1)).tolist()))

    def best_rounds(
        self, indices: Ints, held_out: tuple[Floats32, Floats], seed: int, patience: int
    ) -> int:
        return self.config.rounds  # a rate that falls to nought is not stopped on its way

    def with_config(self, config: BoosterConfig) -> "SetRows":
        assert isinstance(config, SetAttentionConfig)
        return replace(self, config=config)

    @cached_property
    def _design(self) -> Floats32:
        every = np.arange(len(self.target))
        return self.scale.design(gathered(self.blocks, every)).astype(np.float32)


@dataclass(frozen=True, eq=False)
class SetModel:
    """A network, ready to be asked."""

    scale: Scale
    module: "SetNetwork"
    shape: "Shape"
    gains: tuple[float, ...]  # of its columns
    patients: Ints | None = None  # of the rows that it is asked about

    def of(self, patients: Ints) -> "SetModel":
        return replace(self, patients=patients)

    def log_odds(self, values: Floats32, threads: int | None = None) -> Floats:
        scores: Floats = network.log_odds(
            self.module, self._design(values), _sets(self.patients, len(values))
        )
        return scores

    def contributions(self, values: Floats32, threads: int | None = None) -> Floats:
        """By what each column moves the log odds, were they straight: value times slope."""
        moved = network.moved(self.module, self._design(values), _sets(self.patients, len(values)))
        return _by_column(self.scale, moved)

    def gain(self) -> Floats:
        """By how much each column moves the scores of some training rows."""
        return np.asarray(self.gains)

    def save(self) -> str:
        weights = {name: weight.tolist() for name, weight in self.module.state_dict().items()}
        return json.dumps(
            {
                "scale": asdict(self.scale),
                "shape": asdict(self.shape),
                "gains": self.gains,
                "weights": weights,
            }
        )

    def _design(self, values: Floats32) -> Floats32:
        return self.scale.design(values).astype(np.float32)


def _by_column(scale: Scale, parts: Floats) -> Floats:
    """(columns,): the mean size of what a column's design columns add up to, row by row."""
    sums = [parts[:, scale.owners == n].sum(axis=1) for n in range(len(scale.columns))]
    means: Floats = np.abs(np.stack(sums, axis=1)).mean(axis=0)
    return means


def _sets(patients: Ints | None, rows: int) -> Ints:
    return np.arange(rows) if patients is None else patients
