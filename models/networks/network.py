"""A network of the run, the rows that it may learn from, and how it is run."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from folds.findings import Findings
from models.networks.config import NetworkConfig
from models.networks.names import HeldOut
from models.networks.tasks.task import Labels, Task
from workspace.arrays import Floats, Ints

if TYPE_CHECKING:  # what is to do is decided without torch, which takes seconds to import
    from models.inference.scores import Way


@dataclass(frozen=True)
class Network:
    """What is asked of every picture: its name in files, its table, and who is what."""

    name: str
    config: NetworkConfig
    labels: Labels

    @property
    def task(self) -> Task:
        return self.config.task

    @property
    def classes(self) -> tuple[str, ...]:
        return self.labels.classes

    @property
    def codes(self) -> Ints:
        """(pictures,), negative where a picture is nothing to the task."""
        return self.labels.codes

    @property
    def outputs(self) -> int:
        return self.task.outputs(self.labels)

    @property
    def columns(self) -> list[str]:
        """What is written out of fold."""
        return self.task.columns(self.name, self.labels)


def network_of(name: str, config: NetworkConfig, rows: pl.DataFrame, findings: Findings) -> Network:
    """The network that a recipe's table makes of the sample table's rows."""
    labels = config.task.labels(name, rows, findings)
    if config.training is not None:
        config.task.check_found(name, labels, config.training)
    return Network(name, config, labels)


@dataclass(frozen=True)
class TrainingRows:
    """The indices of rows that a network may learn from, and the patient of every row.

    Where a split has validation rows of its own, all training rows are learnt and these decide.
    """

    held_out: HeldOut
    training: Ints
    groups: Ints
    validation: Ints | None = None  # rows to choose on; None: some of the training rows
    # (pictures, classes) log-probabilities, where there is a teacher; NaN where it was not asked.
    soft_labels: Floats | None = None


@dataclass(frozen=True)
class Run:
    """With which seed and on what machine."""

    seed: int
    way: "Way"
