"""How far a picture's embedding lies from those that the network learnt from.

A Gaussian with a few axes of its own and one variance for all others (probabilistic PCA; Tipping
and Bishop 1999): Mahalanobis' distance by it needs some thousand numbers, where a whole covariance
of a wide embedding would be larger than the network. Fitted on rows that were learnt from; from
where on a picture is called unlike them is chosen on others.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
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

    def distances(self, embeddings: NDArray[np.floating[Any]]) -> Floats:
        """(n,) of embeddings (n, width); about 1 for what is known."""
        apart = embeddings.astype(np.float64) - self.mean
        steps = apart @ self.axes.T
        along, beside = steps / self.deviations, (apart - steps @ self.axes) / self.rest
        squared = (along**2).sum(axis=1) + (beside**2).sum(axis=1)
        found: Floats = np.sqrt(squared / len(self.mean))
        return found

    def tensors(self) -> dict[str, NDArray[Any]]:
        """As a unit keeps it."""
        return {
            "mean": self.mean, "axes": np.ascontiguousarray(self.axes),
            "deviations": self.deviations, "rest": np.array([self.rest]),
        }  # fmt: skip

    @classmethod
    def of(cls, tensors: Mapping[str, NDArray[Any]]) -> Self:
        """From what a unit keeps."""
        mean, axes, deviations = (tensors[name] for name in ("mean", "axes", "deviations"))
        return cls(mean, axes, deviations, float(tensors["rest"][0]))


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


def limit_of(distances: Floats, false_alarms: float) -> float:
    """From where on a picture is called unlike what was learnt: of these, so many lie beyond."""
    return float(np.quantile(distances, 1 - false_alarms))


class Distance(nn.Module):
    """Embedding (width,) -> its distance, as a part of a network that is handed out."""

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
