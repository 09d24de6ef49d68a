"""The variants of an ablation: the recipe's sections without one part each, or with another for it.

A recipe has one of the two training views; the variant with the other view says what it is worth.
"""

from collections.abc import Callable
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from models.cascade.config import Stage1Config, Stage2Config
from models.nets.config import NetConfig
from models.training.config import PhaseConfig
from workspace.choices import Names, Seeds, among

StageConfig = Stage1Config | Stage2Config


class AblationConfig(BaseModel):
    """The recipe's `[ablation]` section."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    stage: str = Field(default="stage2", pattern="^stage[12]$")
    folds: int = Field(default=1, ge=1)  # the first so many
    seeds: Seeds = (0, 1, 2)
    variants: Annotated[Names, among(lambda: VARIANTS)] = ()  # none named: all


def _augment(
    **values: float | str,
) -> Callable[[NetConfig, StageConfig], tuple[NetConfig, StageConfig]]:
    return lambda net, stage: (
        net,
        stage.model_copy(update={"augment": stage.augment.model_copy(update=values)}),
    )


def _stage(**values: Any) -> Callable[[NetConfig, StageConfig], tuple[NetConfig, StageConfig]]:
    return lambda net, stage: (net, stage.model_copy(update=values))


def _net(**values: Any) -> Callable[[NetConfig, StageConfig], tuple[NetConfig, StageConfig]]:
    return lambda net, stage: (net.model_copy(update=values), stage)


def _one_phase(net: NetConfig, stage: StageConfig) -> tuple[NetConfig, StageConfig]:
    """As many epochs in one phase: everything free from the start, at the second phase's rate."""
    second = stage.phases[min(1, len(stage.phases) - 1)]
    whole = PhaseConfig(
        epochs=stage.epochs, lr=second.lr, schedule="onecycle", warm_up=second.warm_up,
        patience=second.patience,
    )  # fmt: skip
    return net, stage.model_copy(update={"phases": (whole,)})


VARIANTS: dict[str, Callable[[NetConfig, StageConfig], tuple[NetConfig, StageConfig]]] = {
    "no_se": _net(se=False),
    "no_cbam": _net(cbam=False),
    "no_hair": _augment(hair_p=0.0),
    "no_clahe": _augment(clahe_p=0.0),
    "no_gray_world": _augment(gray_world_p=0.0),
    "exact_view": _augment(kind="exact"),
    "fast_view": _augment(kind="fast"),
    "no_mixup": _stage(mixup_probability=0.0),
    "no_focal": _stage(gamma=0.0),
    "no_phases": _one_phase,
}
