"""What every task can be asked: labels, loss, what is watched, what is called, what is written.

A task is a table of the recipe (`[networks.<name>.task]`) and what follows from it. Whoever trains,
measures or stacks networks asks these methods and knows no kind by name; a new kind is a file
beside this one and a line in `registry`.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import polars as pl
from pydantic import BaseModel, ConfigDict

from folds.findings import Findings
from metrics.score_sheet import ScoreConfig
from models.nets.config import NetConfig
from models.networks.auxiliary import AuxiliaryTarget
from models.networks.columns import probability_columns
from models.networks.measure import Patients
from models.networks.watch import OF_CLASSES, log_loss
from models.training.config import TrainConfig, Watch
from workspace.arrays import Bools, Floats, Ints

if TYPE_CHECKING:  # a recipe is read without torch, which takes seconds to import
    from models.inference.scores import Scores
    from models.nets.network import LesionNet
    from models.networks.inner_rows import InnerRows
    from models.training.objective import Objective
    from models.training.setting import Deal, History, Score


@dataclass(frozen=True)
class Labels:
    """What each row is, as the task has it."""

    codes: Ints  # (rows,), NONE where a row is nothing to the task
    classes: tuple[str, ...]  # in the order of the codes and of the probabilities
    auxiliary: tuple[AuxiliaryTarget, ...] = ()  # learnt besides, in training alone
    # The classes that make up target 1; None: the probabilities say nothing of the target.
    target: tuple[int, ...] | None = None


class Task(BaseModel, ABC):
    """A kind of task; its fields are what a recipe may say of it."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    kind: str
    learns: ClassVar[bool] = True  # a network of its own for each fold
    of_target: ClassVar[bool] = False  # its labels are the sample table's target, 0 or 1
    # It is learnt for its weights, with which other networks begin: it says nothing of a row, so
    # nothing of it is joined, embedded or stacked.
    is_beginning: ClassVar[bool] = False
    by_batch: ClassVar[bool] = False  # a picture's loss hangs on the others of its batch
    teaches: ClassVar[bool] = False  # gives each class a probability, which another can learn
    watches: ClassVar[tuple[Watch, ...]] = OF_CLASSES  # what its inner rows can be scored by

    @property
    def by_threshold(self) -> bool:
        """Whether it calls a row by a threshold that inner rows choose."""
        return False

    @property
    def of_positives(self) -> bool:
        """Whether it is about rows with target 1 alone."""
        return False

    @property
    def sees_all(self) -> bool:
        """Whether one network looks at the rows of all folds, held out or not."""
        return False

    def settings(self) -> dict[str, Any]:
        """The values that a network's result depends on, for its manifest."""
        return self.model_dump(mode="json")

    @abstractmethod
    def check(self, net: NetConfig, training: TrainConfig | None) -> None:
        """A ValueError where the rest of the network's table does not go with the task."""

    def check_found(self, network: str, labels: Labels, training: TrainConfig) -> None:
        """The same in a ConfigError, where that is known by the rows alone."""

    @abstractmethod
    def labels(self, name: str, rows: pl.DataFrame, findings: Findings) -> Labels:
        """Those of the sample table's rows; `name` is the network's, for messages."""

    @abstractmethod
    def outputs(self, labels: Labels) -> int:
        """How many the network's last layer has."""

    @abstractmethod
    def objective(self, labels: Labels, training: TrainConfig) -> "Objective":
        """What training makes smaller."""

    def dealing(
        self, labels: Labels, learnt: Ints, training: TrainConfig, seed: int
    ) -> "Deal | None":
        """How an epoch is dealt into batches, where training.sampling does not say it."""
        return None

    def scoring(self, rows: "InnerRows", labels: Labels, watch: Watch) -> "Score":
        """What is asked of the network after each epoch; by the inner rows' probabilities."""
        codes = labels.codes[rows.inner]

        def score(net: "LesionNet", _: "History") -> tuple[float, dict[str, float]]:
            found = rows.scores(net, rows.inner)
            inner_loss = log_loss(codes, found.probability)
            return self.inner_score(watch, codes, found, labels), {"inner_loss": inner_loss}

        return score

    @abstractmethod
    def inner_score(self, watch: Watch, codes: Ints, scores: "Scores", labels: Labels) -> float:
        """What the inner rows, whose codes these are, say of an epoch; more is better."""

    def choose_threshold(self, positive: Bools, probability: Floats) -> float | None:
        """By which a row is called, chosen on inner rows; None where it is by none."""
        return None

    @abstractmethod
    def called(self, probability: Floats, limit: Floats | None) -> Ints:
        """(rows,): the codes called; `limit` is each row's threshold, where there is one."""

    def facts(self, history: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """What a fold's manifest says of its epochs besides."""
        return {}

    def columns(self, network: str, labels: Labels) -> list[str]:
        """What is written out of fold: the names of the last so many probabilities."""
        return probability_columns(network, labels.classes)

    @abstractmethod
    def sheet(
        self, true: Ints, called: Ints, probability: Floats, labels: Labels, patient: Patients,
        config: ScoreConfig,
    ) -> dict[str, Any]:  # fmt: skip
        """What the network is worth on rows that it never saw."""
