"""What a training is given: examples, values, where it runs; and what it leaves."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from models.input.pictures import Pictures
from models.input.transforms import Transform
from models.nets.network import LesionNet
from models.training.checkpoints import Arrays
from models.training.config import TrainConfig
from models.training.objective import Objective
from models.training.shares import Shares
from workspace.arrays import Ints


@dataclass(frozen=True)
class Examples:
    """What is learnt of which pictures, and which of them are for what."""

    pictures: Pictures
    labels: Ints  # (pictures,), -1 where a picture has none: by them an epoch is sampled
    classes: tuple[str, ...]
    training: Ints  # places that are learnt from
    inner: Ints  # places of other patients, that decide when to stop and what was best, if any
    objective: Objective
    deal: "Deal | None" = None  # how an epoch is dealt into batches, if not by labels and sampling


@dataclass(frozen=True)
class Setting:
    """How: the recipe's values, the transform of a training picture, where, and with which seed."""

    config: TrainConfig
    transform: Transform
    device: torch.device
    seed: int
    workers: int = 0
    whose: Mapping[str, Any] = field(default_factory=dict)  # network and fold, for the log
    shares: Shares = field(default_factory=Shares)  # this process's, of each step


@dataclass(frozen=True)
class Trained:
    """Weights after the last epoch, those of the best inner score, and the epochs' records.

    Where nothing was scored the last are the best. `balance` says what each class was of the loss.
    """

    last: Arrays
    best: Arrays
    best_epoch: int
    history: list[dict[str, Any]]
    balance: dict[str, Any]
    processors: list[str]
    ranks: list[int]


Deal = Callable[[int], list[Ints]]  # an epoch's batches
History = Sequence[Mapping[str, Any]]  # the records of the epochs before, in whatever call
# Of the inner rows: what is watched, of which more is better, and what else is kept of them.
Score = Callable[[LesionNet, History], tuple[float, Mapping[str, float]]]
