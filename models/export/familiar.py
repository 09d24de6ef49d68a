"""How far a picture's embedding lies from those that the network learnt from.

A Gaussian with a few axes of its own and one variance for all others (probabilistic PCA; Tipping
and Bishop 1999): Mahalanobis' distance by it needs some thousand numbers, where a whole covariance
of a wide embedding would be larger than the network. Fitted on rows that were learnt from; from
where on a picture is called unlike them is chosen on others.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from workspace.arrays import Floats, Floats32

AXES = 32  # at most
PICTURES_AN_AXIS = 10  # fewer say too little of it
LEAST = 1e-6  # of the mean variance, and of 1e-6: what all others have at least


@dataclass(frozen=True)
class Familiar:
    """Where the known embeddings lie."""

    mean: Floats  # (width,)
    axes: Floats  # (axes, width), of length 1
    deviations: Floats  # (axes,), along each
    rest: float  # the deviation along all other directions


def familiar(embeddings: Floats32) -> Familiar:
    """Of the embeddings (n, width) of pictures that were learnt from."""
    known = embeddings.astype(np.float64)
    count, width = known.shape
    mean = known.mean(axis=0)
    variances, directions = np.linalg.eigh(np.cov(known - mean, rowvar=False).reshape(width, width))
    number = max(1, min(AXES, count // PICTURES_AN_AXIS, width - 1))
    variances, directions = np.maximum(variances[::-1], 0), directions[:, ::-1].T
    floor = LEAST * max(float(variances.mean()), LEAST)  # all may be alike
    rest = max(float(variances[number:].mean()), floor)
    own = np.maximum(variances[:number], rest)
    return Familiar(mean, directions[:number], np.sqrt(own), float(np.sqrt(rest)))


class Distance(nn.Module):
    """Embedding (width,) -> its distance; about 1 for what is known."""

    mean: Tensor
    axes: Tensor
    deviations: Tensor

    def __init__(self, known: Familiar) -> None:
        super().__init__()
        for name in ("mean", "axes", "deviations"):
            self.register_buffer(
                name, torch.from_numpy(getattr(known, name).astype(np.float32, order="C"))
            )
        self.rest = known.rest

    def forward(self, embedding: Tensor) -> Tensor:
        apart = embedding - self.mean
        steps = self.axes @ apart
        along = steps / self.deviations
        beside = (apart - self.axes.T @ steps) / self.rest
        return torch.sqrt(((along * along).sum() + (beside * beside).sum()) / len(self.mean))
