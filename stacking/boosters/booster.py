"""What a booster is to the stack: settings that bin rows, bins that grow models, models that score.

Whoever adds one writes a file here with a class for each of the three, and a line in `known.py`;
the stack calls nothing else. What holds for every booster: a value that is missing is NaN, a column
`cat_...` has whole numbers, -1 for a category that training never saw; and nothing that is kept
depends on the number of threads, neither a bit of a score nor a byte of a model.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, Self, TypeVar, runtime_checkable

import numpy as np

from workspace.arrays import Floats, Floats32, Ints
from workspace.machine import lent_cores
from workspace.units import Unit


@dataclass(frozen=True)
class Range:
    """Where trials look for a value: whole numbers where `low` is one, factors where `log`."""

    low: float
    high: float
    log: bool = False


def number_of(threads: int | None) -> int:
    """None: as many as the machine lends, which a library by itself does not ask for."""
    return lent_cores() if threads is None else threads


class Booster(Protocol):
    """A model: grown on some rows, asked about others. `threads` None: all that are lent."""

    def log_odds(self, values: Floats32, threads: int | None = None) -> Floats:
        """(rows,): raw scores in float64, as of the rows that it was grown on."""
        ...

    def contributions(self, values: Floats32, threads: int | None = None) -> Floats:
        """(columns,): the mean absolute SHAP value (log odds) of each column over some rows."""
        ...

    def gain(self) -> Floats:
        """(columns,): each column's share of what the model learnt; together 1, or all 0."""
        ...

    def save(self) -> str:
        """The whole model as text, which `BoosterConfig.load` reads back."""
        ...


class Binned(Protocol):
    """The training rows of a fold, made ready once; models are grown on any of them by index."""

    @property
    def side_by_side(self) -> int:
        """How many models to grow at a time."""
        ...

    @property
    def threads(self) -> int | None:
        """How many threads each of these may use; None: all that are lent."""
        ...

    def grow(self, indices: Ints, seed: int, rounds: int) -> Booster:
        """A model of the rows at these indices (sorted, repeats allowed).

        The same seed grows the same model. Whether another seed grows another is the booster's
        own matter: where it leaves nothing to chance, the models of a bag differ by the rows drawn
        for each alone, and not at all where each sees all rows (`stack.sampling`).
        """
        ...

    def best_rounds(
        self, indices: Ints, held_out: tuple[Floats32, Floats], seed: int, patience: int
    ) -> int:
        """How many rounds score best on inner held-out rows, which are none of those at `indices`.

        `held_out` are their values (rows, columns) and labels (rows,).
        """
        ...

    def with_config(self, config: "BoosterConfig") -> Self:
        """The same bins for other settings that leave the bins alone: trials need not bin anew."""
        ...


@runtime_checkable
class SeesPatients(Protocol):
    """Rows or a model that look at all rows of a patient at once, as soon as they know whose."""

    def of(self, patients: Ints) -> Self:
        """The same, where each row is of the patient with this number."""
        ...


@runtime_checkable
class Explains(Protocol):
    """A model of trees, whose log odds are taken apart exactly (TreeSHAP)."""

    def explained(self, values: Floats32, threads: int | None = None) -> Floats:
        """(rows, columns + 1): what each column adds, and last where they begin; a row's sum is
        what `log_odds` says of it."""
        ...


def mean_sizes(explained: Floats) -> Floats:
    """(columns,): how much each adds or takes away on average over the rows."""
    means: Floats = np.abs(explained[:, :-1]).mean(axis=0)
    return means


Asked = TypeVar("Asked", Binned, Booster)


def seeing(asked: Asked, patients: Ints) -> Asked:
    """Rows or a model that know whose each row is, if that is anything to them."""
    return asked.of(patients) if isinstance(asked, SeesPatients) else asked


class BoosterConfig(Protocol):
    """A booster's settings, a section of the recipe (pydantic): frozen, all with defaults."""

    # Name of a kept model, with {} for its number. No two boosters share it, and it ends in .txt
    # or .json: files of these make up the hash of who scored a row (`oof.models_hash`).
    file: ClassVar[str]
    ranges: ClassVar[Mapping[str, Range]]  # of what may be tuned; it leaves the bins alone

    @property
    def rounds(self) -> int:
        """How many steps it learns in, or at most where the recipe lets inner rows decide."""
        ...

    def bin_rows(
        self,
        blocks: Sequence[Floats32],
        target: Floats,
        columns: Sequence[str],
        threads: int | None = None,
    ) -> Binned:
        """Make the rows of these blocks ready, if possible without a copy."""
        ...

    def model_dump(self, *, mode: str) -> dict[str, Any]:
        """Its values as plain types; as pydantic's models do."""
        ...

    def model_copy(self, *, update: Mapping[str, Any]) -> Self:
        """The same with other values; as pydantic's models do."""
        ...

    @classmethod
    def load(cls, unit: Unit, name: str, columns: Sequence[str]) -> Booster:
        """A kept model: its hash is checked before the library sees a byte, then its columns."""
        ...
