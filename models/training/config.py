"""The recipe's `[networks.<name>.training]`: phases as data, and every constant of the loop.

The defaults are those of the two-stage paper; a recipe states what differs.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from models.nets.config import PARTS, Part
from workspace.settings import said_since

Precision = Literal["auto", "fp32", "fp16", "bf16"]
OfClasses = Literal["auc", "macro_f1", "balanced_accuracy", "macro_auc"]
# By the nearest neighbours, where there is no probability.
Watch = Literal[OfClasses, "knn_accuracy", "knn_balanced_accuracy"]
Layout = Literal["channels_first", "channels_last"]
Optimiser = Literal["adamw", "adam", "sgd"]
Sampling = Literal["shuffled", "inverse_frequency", "balanced"]
Positive = Annotated[float, Field(gt=0)]
AVERAGE = "warmed up"  # how the average of weights is taken, for settings
# Keys that came later: a manifest names them only where they say something.
PLATEAU = ("plateau_epochs", "plateau_factor")
SINCE = frozenset({"optimiser", "momentum", "labels", *PLATEAU})
SHARE = 0.5  # of positives, if a recipe does not say

_STRICT = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class PhaseConfig(BaseModel):
    """Some epochs with one learning rate, one schedule, and some parts of the network frozen."""

    model_config = _STRICT

    epochs: int = Field(ge=0)
    lr: Positive
    schedule: Literal["onecycle", "cosine", "plateau", "fixed"] = "fixed"
    warm_up: float = Field(default=0.3, ge=0, lt=1)  # share of the steps: onecycle and cosine
    # plateau: so many epochs without a lower inner loss, and after the next lr falls to this share.
    plateau_epochs: int = Field(default=2, ge=0)
    plateau_factor: float = Field(default=0.5, gt=0, lt=1)
    frozen: tuple[Part, ...] = Field(default=(), strict=False)
    scale: dict[Part, Positive] = {}  # of lr, for parts that learn more slowly
    patience: int | None = Field(default=None, ge=1)  # epochs without a better inner score
    dropout: tuple[float, ...] | None = Field(default=None, strict=False)  # instead of the net's

    def settings(self) -> dict[str, Any]:
        """For a manifest."""
        return said_since(self, SINCE)

    def check(self, choose: str) -> None:
        """A ValueError for what needs inner rows that say something, or is not looked at."""
        if self.patience is not None and choose != "inner":
            rows = "none" if choose == "last" else "some that decide nothing"
            raise ValueError(f"patience needs inner rows; choose={choose!r} has {rows}")
        if self.schedule == "plateau" and choose != "inner":
            raise ValueError("schedule='plateau' needs inner rows; take choose='inner'")
        if self.schedule == "onecycle" and not self.warm_up:
            raise ValueError("schedule='onecycle' needs a warm_up above 0; or take 'cosine'")
        said = [name for name in PLATEAU if name in self.settings()]
        if said and self.schedule != "plateau":
            raise ValueError(f"{said[0]} changes nothing where schedule={self.schedule!r}")


class TrainConfig(BaseModel):
    """One network's training."""

    model_config = _STRICT

    phases: tuple[PhaseConfig, ...] = Field(strict=False)
    batch_size: int = Field(default=8, ge=1)
    accumulate: int = Field(default=4, ge=1)  # batches a step
    sampling: Sampling = "shuffled"
    positive_share: float = Field(default=SHARE, gt=0, lt=1)  # balanced: of every batch
    oversample: dict[str, Annotated[float, Field(ge=1)]] = {}  # class -> times an epoch
    # At most so many; None: as many as there are. Balanced: in whole batches that show every
    # positive; None: that show every negative too.
    epoch_samples: int | None = Field(default=None, ge=1)
    optimiser: Optimiser = "adamw"
    momentum: float = Field(default=0.0, ge=0, lt=1)  # of sgd
    weight_decay: float = Field(default=0.05, ge=0)  # adamw's own kind; in the gradient elsewhere
    clip_norm: Positive | None = None
    gamma: float = Field(default=2.5, ge=0)  # of the focal loss; 0 is cross entropy
    alpha: float | None = Field(default=None, gt=0, lt=1)  # positives' weight, negatives' the rest
    smoothing: float = Field(default=0.05, ge=0, lt=1)
    class_weights: bool = True  # inverse frequencies of the training rows
    mixup_alpha: float = Field(default=0.3, ge=0)
    mixup_probability: float = Field(default=0.5, ge=0, le=1)
    ema: float | None = Field(default=None, gt=0, lt=1)  # decay of averaged weights, if wanted
    precision: Precision = "auto"  # fp16 with a scaler on a GPU, fp32 elsewhere
    # How pixels lie in memory; channels_last trains 1.0 to 1.5 times as fast on a CPU, by network
    # (docs/benchmarks, pace), and is meant for half precision on a GPU.
    layout: Layout = "channels_last"
    watch: Watch = "auc"  # what the inner rows are scored by
    # Inner rows say when to stop and which epoch was best; or nothing is chosen and the last
    # weights are the result: of all training rows, or with inner rows watched for the curves.
    choose: Literal["inner", "last", "watched"] = "inner"
    labels: float = Field(default=1.0, gt=0, le=1)  # this share of them is known, of each class
    inner_folds: int = Field(default=5, ge=2, le=20)  # one of so many parts of the training rows
    checkpoint_s: float = Field(default=60.0, ge=0)  # seconds between checkpoints within an epoch

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if not any(phase.epochs for phase in self.phases):
            raise ValueError("phases have no epoch")
        if self.oversample and self.sampling != "shuffled":
            raise ValueError(f"oversample changes nothing where sampling={self.sampling!r}")
        if self.positive_share != SHARE and self.sampling != "balanced":
            raise ValueError(f"positive_share changes nothing where sampling={self.sampling!r}")
        if self.sampling == "balanced" and not all(self.sides):
            raise ValueError(
                f"positive_share={self.positive_share} of batch_size={self.batch_size} leaves none "
                "of one class; take a larger batch_size"
            )
        if self.class_weights and self.sampling != "shuffled":
            raise ValueError(
                f"sampling={self.sampling!r} evens the classes, and class_weights would do so once "
                "more; take class_weights=false, or sampling='shuffled'"
            )
        if self.alpha is not None and self.class_weights:
            raise ValueError("alpha and class_weights both weigh the classes; take one of them")
        if self.momentum and self.optimiser != "sgd":
            raise ValueError(f"momentum changes nothing where optimiser={self.optimiser!r}")
        for phase in self.phases:
            phase.check(self.choose)
            if len(set(phase.frozen)) == len(PARTS):
                raise ValueError("a phase freezes every part; nothing would be learnt")
        return self

    def settings(self) -> dict[str, Any]:
        """For a manifest: all that decides the weights."""
        values = said_since(self, SINCE, {"checkpoint_s"})
        return {**values, "phases": [phase.settings() for phase in self.phases]}

    @property
    def epochs(self) -> int:
        return sum(phase.epochs for phase in self.phases)

    @property
    def sides(self) -> tuple[int, int]:
        """Negatives and positives of a balanced batch."""
        positives = round(self.batch_size * self.positive_share)
        return self.batch_size - positives, positives
