"""The contrastive loss of SimCLR (Chen et al. 2020), NT-Xent: know the other view of a picture.

A batch holds each of its pictures twice, drawn anew. The other view of the same picture is what is
to be found, all views of other pictures are what it is told from. No label is looked at.
"""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from workspace.arrays import Ints

VIEWS = 2  # of each picture in a batch


def nt_xent(outputs: Tensor, pictures: Tensor, temperature: float) -> Tensor:
    """Loss of each view (B,) in float32, whatever the outputs (B, width) were computed in.

    `pictures` (B,) says by a number which picture a view is of. A view is never told from itself; a
    picture alone in its batch has nothing to be told from, and its loss is 0.
    """
    with torch.autocast(outputs.device.type, enabled=False):
        directed = functional.normalize(outputs.float(), dim=1)
        similar = directed @ directed.T / temperature
    same = pictures[:, None] == pictures[None, :]
    itself = torch.eye(len(outputs), dtype=torch.bool, device=outputs.device)
    others = similar.masked_fill(itself, -torch.inf).logsumexp(dim=1)
    positive = same & ~itself
    return others - similar.masked_fill(~positive, 0.0).sum(dim=1) / positive.sum(dim=1)


class ContrastiveObjective:
    """NT-Xent of a batch's views; a target is which picture of the batch a view is of."""

    further = 0
    weights: Tensor | None = None

    def __init__(self, temperature: float) -> None:
        self.temperature = temperature

    def begin(self, training: Ints, device: torch.device) -> None:
        """Nothing is counted beforehand."""

    def targets(self, indices: Ints) -> Tensor:
        """(B, 1): a number for each picture, small enough to be whole in float32."""
        _, number = np.unique(indices, return_inverse=True)
        return torch.from_numpy(number.astype(np.float32))[:, None]

    def loss(self, outputs: Tensor, further: Tensor | None, targets: Tensor) -> Tensor:
        return nt_xent(outputs, targets[:, 0], self.temperature)
