"""From an image to a network's input, by the name that the recipe gives the augmentation."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from timm.data import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD

from models.input.config import AugmentConfig
from models.input.evaluation import EvaluationTransform
from models.input.fast import FastTransform
from workspace.arrays import Bytes, Floats32
from workspace.errors import ConfigError


class Transform(Protocol):
    """From one image's pixels to its row of a batch, then from the batch to the network's input."""

    @property
    def size(self) -> int:
        """The side of the square, in pixels."""

    @property
    def draws(self) -> int:
        """How many numbers `show` leaves for `finish`."""

    def show(self, pixels: Bytes, stream: np.random.Generator) -> tuple[Bytes, Floats32]:
        """uint8 RGB (H, W, 3) -> uint8 (size, size, 3) and (draws,)."""

    def finish(self, pixels: torch.Tensor, draws: torch.Tensor) -> torch.Tensor:
        """uint8 (B, 3, S, S) and (B, draws) -> float32 (B, 3, S, S), normalised, same device."""


def make_transform(
    config: AugmentConfig, size: int, mean: Sequence[float], std: Sequence[float]
) -> Transform:
    """The training transform; mean and std are those of the backbone's own configuration.

    But for the one trap that a recipe may ask for by its name, to show what it costs.
    """
    mean, std = tuple(mean), tuple(std)
    if config.trap == "other_normalisation":
        mean, std = _trapped(mean, std)
    if config.kind == "none":
        return EvaluationTransform(size, mean, std)
    if config.kind == "fast":
        return FastTransform(config, size, mean, std)
    from models.input.exact import ExactTransform  # noqa: PLC0415 - a second to import, and seldom used

    return ExactTransform(config, size, mean, std)


def _trapped(mean: tuple[float, ...], std: tuple[float, ...]) -> tuple[Sequence[float], ...]:
    if (mean, std) == (IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD):
        raise ConfigError(
            "augment.trap='other_normalisation' normalises training pictures as ImageNet's are, "
            "and this network normalises all so; leave it out."
        )
    return IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD
