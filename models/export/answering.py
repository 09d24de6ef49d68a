"""A network and all that comes before and after it, as one module: picture in, answer out.

Size, mean and std are the network's own and cannot be handed over: who asks the exported file has
no other way to prepare a picture than the library's.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from models.export.choosing import CERTAIN, Platt
from models.export.resizing import Resized
from models.inference.familiar import Distance, Familiar
from models.inference.views import View, probabilities
from models.input.pixels import scale_batch
from models.nets.network import LesionNet


class Answer(NamedTuple):
    """What is said of one picture; the names are those of the file's outputs."""

    shares: Tensor  # (classes,), the network's own probability of each
    probability: Tensor  # of target 1, calibrated where that was asked for
    logits: Tensor  # (outputs,), of the picture as it is
    distance: Tensor  # from the embeddings that were learnt from


class Answering(nn.Module):
    """Picture uint8 RGB (H, W, 3), of any size -> an `Answer`."""

    def __init__(
        self, net: LesionNet, views: Sequence[View], target: Sequence[int], known: Familiar,
        by: Platt | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.net, self.views, self.target = net, tuple(views), list(target)
        self.by = by
        self.resized, self.distance = Resized(net.size), Distance(known)

    def forward(self, picture: Tensor) -> Answer:
        levels = self.resized(picture).permute(2, 0, 1)[None].contiguous()
        images = scale_batch(levels, self.net.mean, self.net.std)
        embedding, logits = self.net.embed(torch.cat([view.of(images) for view in self.views]))
        mean = probabilities(logits).mean(dim=0)
        shares = torch.cat([1 - mean, mean]) if len(mean) == 1 else mean
        target = self._calibrated(shares[self.target].sum())
        return Answer(shares, target, logits[0], self.distance(embedding[0]))

    def _calibrated(self, probability: Tensor) -> Tensor:
        if self.by is None:
            return probability
        held = torch.clamp(probability, CERTAIN, 1 - CERTAIN)
        odds = torch.log(held) - torch.log(1 - held)
        return torch.sigmoid(self.by[0] * odds + self.by[1])
