"""Knowledge distillation: labels, and beside them what a teacher says of each picture.

weight * T^2 * CE(teacher at T, student at T) + (1 - weight) * the loss by labels. T^2, since the
gradients of the soft part shrink by as much (Hinton et al. 2015). Cross entropy, not divergence:
they differ by the teacher's entropy, which no student changes, and a mixed picture's target is the
mix of two.
"""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from models.training.objective import Objective
from workspace.arrays import Floats, Ints


class TaughtObjective:
    """Another objective, and beside it soft labels: (pictures, classes) log-probabilities.

    Those of pictures that are not learnt from are not looked at; NaN there.
    """

    def __init__(self, own: Objective, said: Floats, temperature: float, weight: float) -> None:
        self.own, self.said = own, said
        self.temperature, self.weight = temperature, weight

    @property
    def further(self) -> int:
        return self.own.further

    @property
    def weights(self) -> Tensor | None:
        return self.own.weights

    def begin(self, training: Ints, device: torch.device) -> None:
        assert np.isfinite(self.said[training]).all(), "the teacher was asked about every picture"
        self.own.begin(training, device)

    def targets(self, indices: Ints) -> Tensor:
        """(B, anything): the labels' own, behind them the teacher's shares of the classes."""
        said = torch.from_numpy(self.said[indices])
        soft = functional.softmax(said / self.temperature, dim=1).float()
        return torch.cat([self.own.targets(indices), soft], 1)

    def loss(self, outputs: Tensor, further: Tensor | None, targets: Tensor) -> Tensor:
        classes = self.said.shape[1]
        by_label = self.own.loss(outputs, further, targets[:, :-classes])
        by_teacher = soft_cross_entropy(outputs, targets[:, -classes:], self.temperature)
        return (1 - self.weight) * by_label + self.weight * self.temperature**2 * by_teacher


def soft_cross_entropy(logits: Tensor, shares: Tensor, temperature: float) -> Tensor:
    """(B,) in float32: of softened shares (B, C) and logits (B, C) or a sigmoid's (B, 1)."""
    soft = logits.float() / temperature
    if soft.shape[1] == 1:  # as good as two, of which the first is 0
        soft = torch.cat([torch.zeros_like(soft), soft], 1)
    return -(shares * functional.log_softmax(soft, dim=1)).sum(dim=1)
