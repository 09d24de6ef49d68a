"""Something further to learn from the same embedding: families of diagnoses, a yes/no question.

It teaches the backbone to tell more apart than the task does. It is a target of training and
nothing else: pictures of which it is unknown add nothing to its loss, its layer is thrown away with
the training, and no probability or embedding ever comes from it.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from models.training.losses import as_shares, focal
from workspace.arrays import Ints


@dataclass(frozen=True)
class Auxiliary:
    """Each picture's class, how many there are, and what their loss counts beside the task's."""

    labels: Ints  # (pictures,), -1 where it is unknown
    classes: int
    weight: float
    one_logit: bool = False  # of two classes, as a network of two has it

    @property
    def outputs(self) -> int:
        """Its columns of the second layer."""
        return 1 if self.one_logit else self.classes

    def shares(self, indices: Ints) -> Tensor:
        """Targets (B, classes) in float32: one-hot rows, and zeros where the class is unknown."""
        labels = torch.from_numpy(self.labels[indices])
        return as_shares(labels.clamp(min=0), self.classes) * (labels >= 0)[:, None]

    def loss(self, logits: Tensor, shares: Tensor) -> Tensor:
        """Weighted cross entropy of each picture (B,), linear in the shares: zeros add nothing."""
        return self.weight * focal(logits, shares)
