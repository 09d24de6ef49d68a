"""The variants of an ablation: a network's table without one part each, or with another for it.

A recipe has one of the two training augmentations; the variant with the other says what that is
worth.
"""

from collections.abc import Callable
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from models.networks.config import NetworkConfig
from models.networks.tasks.classified import Classified
from models.training.config import PhaseConfig
from workspace.choices import Names, Seeds, among

Variant = Callable[[NetworkConfig], NetworkConfig]


class AblationConfig(BaseModel):
    """The recipe's `[ablation]` section."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    network: str | None = None  # which of [networks]
    folds: int = Field(default=1, ge=1)  # the first so many
    seeds: Seeds = (0, 1, 2)
    variants: Annotated[Names, among(lambda: VARIANTS)] = ()  # none named: all


def _augment(**values: float | str) -> Variant:
    return lambda config: config.model_copy(
        update={"augment": config.augment.model_copy(update=values)}
    )


def _training(**values: Any) -> Variant:
    return lambda config: config.model_copy(
        update={"training": config.learning.model_copy(update=values)}
    )


def _net(**values: Any) -> Variant:
    return lambda config: config.model_copy(update={"net": config.net.model_copy(update=values)})


def _one_phase(config: NetworkConfig) -> NetworkConfig:
    """As many epochs in one phase: everything free from the start, at the second phase's rate."""
    training = config.learning
    second = training.phases[min(1, len(training.phases) - 1)]
    whole = PhaseConfig(
        epochs=training.epochs, lr=second.lr, schedule="onecycle", warm_up=second.warm_up,
        patience=second.patience,
    )  # fmt: skip
    return _training(phases=(whole,))(config)


def _no_auxiliary(config: NetworkConfig) -> NetworkConfig:
    """Neither families nor questions: what the network learns is its task alone."""
    if not isinstance(config.task, Classified):
        return config
    asked = config.task.model_dump(exclude={"families", "questions", "questions_weight"})
    return config.model_copy(update={"task": type(config.task).model_validate(asked)})


VARIANTS: dict[str, Variant] = {
    "no_se": _net(se=False),
    "no_cbam": _net(cbam=False),
    "no_attention": _net(se=False, cbam=False),
    "no_hair": _augment(hair_p=0.0),
    "no_clahe": _augment(clahe_p=0.0),
    "no_gray_world": _augment(gray_world_p=0.0),
    "exact_view": _augment(kind="exact"),
    "fast_view": _augment(kind="fast"),
    "no_mixup": _training(mixup_probability=0.0),
    "no_focal": _training(gamma=0.0),
    "no_phases": _one_phase,
    "no_auxiliary": _no_auxiliary,
}
