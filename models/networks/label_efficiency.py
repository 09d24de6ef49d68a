"""The recipe's `[label_efficiency]`: networks with a part of the labels each, by one schedule.

A network with a hundredth of the labels takes as many steps as one with all of them, so that labels
alone differ; nothing is chosen on inner rows, which would cost labels too.
"""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from models.networks.config import NetworkConfig
from models.training.config import PhaseConfig
from workspace.choices import Names, Seeds, once_each

Share = Annotated[float, Field(gt=0, le=1)]
WARM_UP = 0.1


class LabelEfficiencyConfig(BaseModel):
    """Which networks, how many labels, over what luck."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    # The first one is what the others are held against; none named: all of the run that learn.
    networks: Annotated[Names, once_each("a network")] = ()
    shares: Annotated[
        tuple[Share, ...], Field(min_length=1, strict=False), once_each("a share")
    ] = (0.01, 0.05, 0.1, 0.25, 1.0)
    folds: int = Field(default=1, ge=1)  # the first so many
    seeds: Seeds = (0, 1, 2)
    epochs: int = Field(default=10, ge=1)
    epoch_samples: int = Field(default=2048, ge=1)  # pictures, evenly of the classes

    @model_validator(mode="after")
    def _rising(self) -> "LabelEfficiencyConfig":
        if list(self.shares) != sorted(self.shares):
            raise ValueError("shares are to rise")
        return self


def with_labels(config: NetworkConfig, share: float, how: LabelEfficiencyConfig) -> NetworkConfig:
    """The network as it is trained with this share of the labels; of a single phase."""
    [first] = config.learning.phases
    phase = PhaseConfig(
        epochs=how.epochs, lr=first.lr, schedule="cosine", warm_up=WARM_UP, frozen=first.frozen,
        scale=first.scale,
    )  # fmt: skip
    training = config.learning.model_copy(
        update={
            "phases": (phase,), "labels": share, "choose": "last", "class_weights": False,
            "sampling": "inverse_frequency", "epoch_samples": how.epoch_samples, "alpha": None,
            "oversample": {},
        }
    )  # fmt: skip
    return config.model_copy(update={"training": training})
