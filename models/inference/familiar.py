"""How far a picture's embedding lies from those that the network learnt from.

Where it points, by a Gaussian with a few axes of its own and one variance for all others
(probabilistic PCA; Tipping and Bishop 1999), which needs some thousand numbers where a whole
covariance would be larger than the network; and how long it is, by its logarithm. Apart, since what
a network knows nothing of has short embeddings, near to all others by a distance between them
(docs/decisions/0035). Fitted on rows learnt from; from where on a picture is unlike, on others.
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
SHORTEST = 1e-12  # an embedding of zeros points nowhere


@dataclass(frozen=True)
class Familiar:
    """Where the known embeddings point, and how long they are."""

    mean: Floats  # (width,), of embeddings of length 1, as all here
    axes: Floats  # (axes, width), of length 1
    deviations: Floats  # (axes,), along each
    rest: float  # the deviation along all other directions
    length: tuple[float, float]  # mean and deviation of the logarithm; it counts as one of AXES

    def distances(self, embeddings: NDArray[np.floating[Any]]) -> Floats:
        """(n,) of embeddings (n, width); about 1 for what is known."""
        pointing, length = _parted(embeddings)
        apart = pointing - self.mean
        steps = apart @ self.axes.T
        along, beside = steps / self.deviations, (apart - steps @ self.axes) / self.rest
        squared = (along**2).sum(axis=1) + (beside**2).sum(axis=1)
        longer = (length - self.length[0]) / self.length[1]
        found: Floats = np.sqrt(squared / len(self.mean) + longer**2 / AXES)
        return found

    def tensors(self) -> dict[str, NDArray[Any]]:
        """As a unit keeps it."""
        return {
            "mean": self.mean, "axes": np.ascontiguousarray(self.axes),
            "deviations": self.deviations, "rest": np.array([self.rest]),
            "length": np.array(self.length),
        }  # fmt: skip

    @classmethod
    def of(cls, tensors: Mapping[str, NDArray[Any]]) -> Self:
        """From what a unit keeps."""
        mean, axes, deviations = (tensors[name] for name in ("mean", "axes", "deviations"))
        middle, deviation = tensors["length"].tolist()
        return cls(mean, axes, deviations, float(tensors["rest"][0]), (middle, deviation))


def familiar(embeddings: Floats32) -> Familiar:
    """Of the embeddings (n, width) of pictures that were learnt from."""
    known, length = _parted(embeddings)
    count, width = known.shape
    mean = known.mean(axis=0)
    variances, directions = np.linalg.eigh(np.cov(known - mean, rowvar=False).reshape(width, width))
    number = max(1, min(AXES, count // PICTURES_AN_AXIS, width - 1))
    variances, directions = np.maximum(variances[::-1], 0), directions[:, ::-1].T
    floor = LEAST * max(float(variances.mean()), LEAST)  # all may be alike
    rest = max(float(variances[number:].mean()), floor)
    own = np.maximum(variances[:number], rest)
    spread = max(float(length.std()), float(np.sqrt(LEAST)))
    lengths = (float(length.mean()), spread)
    return Familiar(mean, directions[:number], np.sqrt(own), float(np.sqrt(rest)), lengths)


def _parted(embeddings: NDArray[np.floating[Any]]) -> tuple[Floats, Floats]:
    """(n, width) of length 1, and (n,) logarithms of the lengths that they had."""
    whole = embeddings.astype(np.float64)
    length = np.maximum(np.linalg.norm(whole, axis=1), SHORTEST)
    return whole / length[:, None], np.log(length)


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
        self.rest, self.length = known.rest, known.length

    def forward(self, embedding: Tensor) -> Tensor:
        length = torch.clamp(torch.sqrt((embedding * embedding).sum()), min=SHORTEST)
        apart = embedding / length - self.mean
        steps = self.axes @ apart
        along = steps / self.deviations
        beside = (apart - self.axes.T @ steps) / self.rest
        longer = (torch.log(length) - self.length[0]) / self.length[1]
        squared = ((along * along).sum() + (beside * beside).sum()) / len(self.mean)
        return torch.sqrt(squared + longer * longer / AXES)
