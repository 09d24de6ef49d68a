"""How an image is shown to a network, by the name that the recipe gives it."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from models.input.config import AugmentConfig
from models.input.evaluation import EvaluationView
from models.input.fast import FastView


class View(Protocol):
    """From one image's pixels to its row of a batch, then from the batch to the network's input."""

    @property
    def size(self) -> int:
        """The side of the square, in pixels."""

    @property
    def draws(self) -> int:
        """How many numbers `show` leaves for `finish`."""

    def show(
        self, pixels: NDArray[np.uint8], stream: np.random.Generator
    ) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """uint8 RGB (H, W, 3) -> uint8 (size, size, 3) and (draws,)."""

    def finish(self, pixels: torch.Tensor, draws: torch.Tensor) -> torch.Tensor:
        """uint8 (B, 3, S, S) and (B, draws) -> float32 (B, 3, S, S), normalised, same device."""


def make_view(
    config: AugmentConfig, size: int, mean: Sequence[float], std: Sequence[float]
) -> View:
    """The training view; mean and std are those of the backbone's own configuration."""
    mean, std = tuple(mean), tuple(std)
    if config.kind == "none":
        return EvaluationView(size, mean, std)
    if config.kind == "fast":
        return FastView(config, size, mean, std)
    from models.input.exact import ExactView  # noqa: PLC0415 - a second to import, and seldom used

    return ExactView(config, size, mean, std)
