"""What a training makes smaller: targets of a batch, and each example's loss.

The loop knows pictures, steps and phases; what is learnt of them is an objective's. MixUp mixes
targets as it mixes pictures, so they are numbers that a loss is linear in.
"""

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from models.training.auxiliary import Auxiliary
from models.training.config import TrainConfig
from models.training.losses import alpha_weights, as_shares, class_weights, focal
from workspace.arrays import Ints


class Objective(Protocol):
    """What the loop asks."""

    @property
    def further(self) -> int:
        """Outputs of a second layer on the same embedding, which training alone has; 0: none."""

    @property
    def weights(self) -> Tensor | None:
        """(classes,), once it has begun; None: all classes weigh alike."""

    def begin(self, training: Ints, device: torch.device) -> None:
        """Before the first step; `training` are the indices of all that is learnt from."""

    def targets(self, indices: Ints) -> Tensor:
        """(B, anything) in float32."""

    def loss(self, outputs: Tensor, further: Tensor | None, targets: Tensor) -> Tensor:
        """(B,) from the network's outputs (B, outputs) and those of the second layer."""


class ClassObjective:
    """Focal loss of one class a picture, and beside it that of auxiliary targets, if any."""

    def __init__(
        self, codes: Ints, classes: int, config: TrainConfig, auxiliary: Sequence[Auxiliary] = ()
    ) -> None:
        self.codes, self.classes, self.config, self.auxiliary = codes, classes, config, auxiliary
        self._weights: Tensor | None = None

    @property
    def further(self) -> int:
        return sum(one.outputs for one in self.auxiliary)

    @property
    def weights(self) -> Tensor | None:
        return self._weights

    def begin(self, training: Ints, device: torch.device) -> None:
        """Weights of the classes: the recipe's alpha, or by the counts of the training rows.

        Not by what an epoch shows of them: an oversampled class would weigh so much less.
        """
        weights = None
        if self.config.alpha is not None:
            weights = alpha_weights(self.config.alpha)
        elif self.config.class_weights:
            weights = class_weights(torch.from_numpy(self.codes[training]), self.classes)
        self._weights = None if weights is None else weights.to(device)

    def targets(self, indices: Ints) -> Tensor:
        """(B, classes), behind them the auxiliary ones: whatever mixes one mixes all alike."""
        shares = as_shares(torch.from_numpy(self.codes[indices]), self.classes)
        return torch.cat([shares, *(one.shares(indices) for one in self.auxiliary)], 1)

    def loss(self, outputs: Tensor, further: Tensor | None, targets: Tensor) -> Tensor:
        columns, config = [self.classes, *(one.classes for one in self.auxiliary)], self.config
        shares, *besides = torch.split(targets, columns, 1)
        loss = focal(outputs, shares, self._weights, config.gamma, config.smoothing)
        if not self.auxiliary:
            return loss
        assert further is not None, "the network has no auxiliary layer"
        logits = torch.split(further, [one.outputs for one in self.auxiliary], 1)
        for one, of_one, its_shares in zip(self.auxiliary, logits, besides, strict=True):
            loss = loss + one.loss(of_one, its_shares)
        return loss
