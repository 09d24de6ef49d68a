"""Logistic regression: the plain baseline that boosters have to beat, behind their own protocol.

Columns go in as `scale` makes them. Nothing is left to chance: models of a bag differ by the rows
drawn for each alone. Models are JSON: coefficients, and what is needed to use them.
"""

import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field
from threadpoolctl import threadpool_limits

from stacking.boosters.booster import BoosterConfig, Range
from stacking.boosters.rows import check_columns, gathered
from stacking.boosters.scale import Scale, scale_of
from workspace.arrays import Floats, Floats32, Ints
from workspace.lazy import LazyModule
from workspace.units import Unit

linear_model = LazyModule("sklearn.linear_model")
exceptions = LazyModule("sklearn.exceptions")

AT_ONCE = 2**15  # rows that are float64 at a time


class LogisticConfig(BaseModel):
    """How strongly coefficients are held down; the solver stops by itself before its last round."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    file: ClassVar[str] = "logistic_{}.json"
    ranges: ClassVar[Mapping[str, Range]] = {"inverse_penalty": Range(1e-4, 10.0, log=True)}

    rounds: int = Field(default=500, ge=1, le=100_000)  # of the solver, at most
    inverse_penalty: float = Field(default=0.01, gt=0)  # scikit-learn's C

    def bin_rows(
        self,
        blocks: Sequence[Floats32],
        target: Floats,
        columns: Sequence[str],
        threads: int | None = None,
    ) -> "LogisticRows":
        """Find the scale of these rows, of which no copy is made."""
        return LogisticRows(tuple(blocks), target, scale_of(blocks, columns), self, threads)

    @classmethod
    def load(cls, unit: Unit, name: str, columns: Sequence[str]) -> "LogisticModel":
        """A kept model: its hash is checked before a byte is read, then its columns."""
        values: dict[str, Any] = json.loads(unit.text(name))
        scale = Scale(**values["scale"])
        check_columns(unit, name, scale.columns, columns)
        return LogisticModel(scale, values["coefficients"], values["intercept"])


@dataclass(frozen=True, eq=False)
class LogisticRows:
    """The training rows of a fold, and their scale."""

    blocks: tuple[Floats32, ...]
    target: Floats
    scale: Scale
    config: LogisticConfig
    allowed: int | None = None  # threads

    @property
    def side_by_side(self) -> int:
        return 1  # warnings are a process's

    @property
    def threads(self) -> int | None:
        return 1

    def grow(self, indices: Ints, seed: int, rounds: int) -> "LogisticModel":
        rows, counts = np.unique(indices, return_counts=True)
        design = self.scale.design(gathered(self.blocks, rows))
        with threadpool_limits(1, "blas"):  # or the last bits would hang on the number of threads
            solver = linear_model.LogisticRegression(C=self.config.inverse_penalty, max_iter=rounds)
            with warnings.catch_warnings():  # that its last round came before it was done
                warnings.simplefilter("ignore", exceptions.ConvergenceWarning)
                solver.fit(design, self.target[rows], sample_weight=counts)
        return LogisticModel(self.scale, solver.coef_[0].tolist(), float(solver.intercept_[0]))

    def best_rounds(
        self, indices: Ints, held_out: tuple[Floats32, Floats], seed: int, patience: int
    ) -> int:
        return self.config.rounds  # the penalty holds it down, not when it stops

    def with_config(self, config: BoosterConfig) -> "LogisticRows":
        assert isinstance(config, LogisticConfig)
        return replace(self, config=config)


@dataclass(frozen=True, eq=False)
class LogisticModel:
    """Coefficients of a design's columns."""

    scale: Scale
    coefficients: list[float]
    intercept: float

    def log_odds(self, values: Floats32, threads: int | None = None) -> Floats:
        scores = np.empty(len(values))
        for start in range(0, len(values), AT_ONCE):
            some = slice(start, start + AT_ONCE)
            # Not a product of matrices: its last bits hang on how many rows there are.
            scores[some] = (self.scale.design(values[some]) * self.coefficients).sum(axis=1)
        return scores + self.intercept

    def contributions(self, values: Floats32, threads: int | None = None) -> Floats:
        """By what each column moves the log odds from their mean over these rows."""
        parts = self.scale.design(values) * self.coefficients
        moved = parts - parts.mean(axis=0)
        of_columns = [
            moved[:, self.scale.owners == number].sum(axis=1)
            for number in range(len(self.scale.columns))
        ]
        means: Floats = np.abs(np.stack(of_columns, axis=1)).mean(axis=0)
        return means

    def gain(self) -> Floats:
        sizes = np.abs(np.asarray(self.coefficients))
        gains = np.bincount(self.scale.owners, sizes, minlength=len(self.scale.columns))
        return gains / (gains.sum() or 1.0)

    def save(self) -> str:
        values = {"scale": asdict(self.scale), "coefficients": self.coefficients}
        return json.dumps({**values, "intercept": self.intercept})
