"""How a network is trained: phases as data, and every constant of the loop.

The defaults are those of the two-stage paper; a recipe states what differs.
"""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from models.input.config import AugmentConfig
from models.nets.config import PARTS, Part

Precision = Literal["auto", "fp32", "fp16", "bf16"]
Watch = Literal["auc", "macro_f1"]
Positive = Annotated[float, Field(gt=0)]

_STRICT = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class PhaseConfig(BaseModel):
    """Some epochs with one learning rate, one schedule, and some parts of the network frozen."""

    model_config = _STRICT

    epochs: int = Field(ge=0)
    lr: Positive
    schedule: Literal["onecycle", "fixed"] = "fixed"
    warm_up: float = Field(default=0.3, gt=0, lt=1)  # onecycle: share of the steps
    frozen: tuple[Part, ...] = Field(default=(), strict=False)
    scale: dict[Part, Positive] = {}  # of lr, for parts that learn more slowly
    patience: int | None = Field(default=None, ge=1)  # epochs without a better inner score
    dropout: tuple[float, ...] | None = Field(default=None, strict=False)  # instead of the net's


def phases(first: int, second: int, third: int, patience: int) -> tuple[PhaseConfig, ...]:
    """The paper's three: head and attention alone, everything slowly, everything slower still."""
    return (
        PhaseConfig(
            epochs=first, lr=1e-3, schedule="onecycle", warm_up=0.3, frozen=("backbone",)
        ),
        PhaseConfig(
            epochs=second, lr=5e-5, schedule="onecycle", warm_up=0.2,
            scale={"backbone": 0.1, "attention": 0.5, "head": 1.0}, patience=patience,
        ),
        PhaseConfig(epochs=third, lr=1e-5, patience=15),
    )  # fmt: skip


class TrainConfig(BaseModel):
    """One network's training."""

    model_config = _STRICT

    phases: tuple[PhaseConfig, ...] = Field(strict=False)
    batch_size: int = Field(default=8, ge=1)
    accumulate: int = Field(default=4, ge=1)  # batches a step
    sampling: Literal["shuffled", "inverse_frequency"] = "shuffled"
    oversample: dict[str, Annotated[float, Field(ge=1)]] = {}  # class -> times an epoch
    epoch_samples: int | None = Field(default=None, ge=1)  # at most; None: as many as there are
    weight_decay: float = Field(default=0.05, ge=0)
    clip_norm: Positive | None = None
    gamma: float = Field(default=2.5, ge=0)  # of the focal loss; 0 is cross entropy
    smoothing: float = Field(default=0.05, ge=0, lt=1)
    class_weights: bool = True
    mixup_alpha: float = Field(default=0.3, ge=0)
    mixup_probability: float = Field(default=0.5, ge=0, le=1)
    ema: float | None = Field(default=None, gt=0, lt=1)  # decay of averaged weights, if wanted
    precision: Precision = "auto"  # fp16 with a scaler on a GPU, fp32 elsewhere
    watch: Watch = "auc"  # what the inner rows are scored by
    inner_folds: int = Field(default=5, ge=2, le=20)  # one of so many parts of the training rows
    checkpoint_s: float = Field(default=60.0, ge=0)  # seconds between checkpoints within an epoch
    augment: AugmentConfig = AugmentConfig()

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if not any(phase.epochs for phase in self.phases):
            raise ValueError("phases have no epoch")
        if self.oversample and self.sampling == "inverse_frequency":
            raise ValueError("oversample changes nothing where sampling='inverse_frequency'")
        for phase in self.phases:
            if len(set(phase.frozen)) == len(PARTS):
                raise ValueError("a phase freezes every part; nothing would be learnt")
        return self

    @property
    def epochs(self) -> int:
        return sum(phase.epochs for phase in self.phases)
