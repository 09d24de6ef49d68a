"""A second thing to learn from the same embedding: which family a diagnosis is of.

It teaches the backbone to tell more apart than the target does. Families are targets of training
and nothing else: rows without one add nothing to its loss, its layer is thrown away with the
training, and no probability or embedding ever comes from it.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from models.training.losses import as_shares, focal
from workspace.arrays import Ints


@dataclass(frozen=True)
class Auxiliary:
    """Each picture's family, how many there are, and what their loss counts beside the target's."""

    labels: Ints  # (pictures,), -1 where a picture has none
    families: tuple[str, ...]
    weight: float

    def shares(self, indices: Ints) -> Tensor:
        """Targets (B, families) in float32: one-hot rows, and zeros where there is no family."""
        labels = torch.from_numpy(self.labels[indices])
        return as_shares(labels.clamp(min=0), len(self.families)) * (labels >= 0)[:, None]

    def loss(self, logits: Tensor, shares: Tensor) -> Tensor:
        """Weighted cross entropy of each picture (B,), linear in the shares: zeros add nothing."""
        return self.weight * focal(logits, shares)
