"""How ranks share a step: which batches are whose, and one sum over all of them at its end.

A step's batches are dealt in runs, a rank's one after another. Then one flat vector is added up:
losses, gradients, and what batch norms took from their batches. r <- (1 - m) r + m x is linear, so
the running statistics that one process would have had follow from each rank's, in their order.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from signal import SIGTERM

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase

from models.input.loader import Piece
from models.nets.network import LesionNet
from models.training.ranks import ALONE, Ranks
from workspace.arrays import Ints
from workspace.errors import ConfigError
from workspace.stopping import Stopped, is_asked, raise_if_asked

STATISTICS = ("running_mean", "running_var")
COUNTED = "num_batches_tracked"


class Shares:
    """Whole batches: each has its own batch norms, MixUp and dropout, whoever computes it."""

    def __init__(self, ranks: Ranks = ALONE) -> None:
        self.ranks = ranks
        self._to_stop = False  # a rank was asked to

    def pieces(self, group: range, plan: Sequence[Ints]) -> list[Piece]:
        """What of a step's batches is this rank's."""
        return [Piece(number) for number in runs(group, self.ranks.count)[self.ranks.number]]

    def learn(
        self, net: LesionNet, images: Tensor, piece: Piece, of: int
    ) -> tuple[Tensor, Tensor | None]:
        """The network's outputs for the batch that has `of` pictures."""
        return net.learn(images)

    def before(self, net: nn.Module) -> "list[Statistics]":
        """The batch norms that a step moves, as they are; for `add_up`."""
        if self.ranks.count == 1:
            return []
        return [Statistics.of(name, module) for name, module in moving(net)]

    def add_up(
        self, net: nn.Module, losses: Tensor, moved: "Sequence[Statistics]", group: range
    ) -> list[float]:
        """Each batch's loss (batches,), gradients and statistics as those of one process."""
        if self.ranks.count == 1:
            return list(losses.tolist())
        asked = losses.new_tensor([float(is_asked())])
        learning = [one for one in net.parameters() if one.requires_grad]
        has = losses.new_tensor([float(one.grad is not None) for one in learning])
        shares = self._shares_of_statistics(moved, group)
        grads = [torch.zeros_like(p) if p.grad is None else p.grad for p in learning]
        tensors = [losses, asked, has, *shares, *grads]
        flat = torch.cat([one.detach().float().reshape(-1) for one in tensors])
        self.ranks.add(flat)
        summed = torch.split(flat, [one.numel() for one in tensors])
        self._to_stop = bool(summed[1] > 0)
        by_any = summed[2].tolist()
        totals = summed[3 + len(shares) :]
        for parameter, grad, total, any_has in zip(learning, grads, totals, by_any, strict=True):
            grad.copy_(total.view_as(grad))  # in the parameter's own layout
            parameter.grad = grad if any_has else None
        self._take_statistics(moved, summed[3 : 3 + len(shares)], group)
        return list(summed[0].tolist())

    def raise_if_asked(self) -> None:
        """After a step, which tells all ranks of it: none may go on without the others."""
        if self.ranks.count == 1:
            raise_if_asked()
        elif self._to_stop:
            raise Stopped(SIGTERM)

    def _shares_of_statistics(self, moved: "Sequence[Statistics]", group: range) -> list[Tensor]:
        lengths = [len(run) for run in runs(group, self.ranks.count)]
        own, after = lengths[self.ranks.number], sum(lengths[self.ranks.number + 1 :])
        return [share for one in moved for share in one.share(own, after)]

    def _take_statistics(
        self, moved: "Sequence[Statistics]", summed: Sequence[Tensor], group: range
    ) -> None:
        for at, one in enumerate(moved):
            one.take(summed[3 * at : 3 * at + 3], len(group))


@dataclass(frozen=True)
class Statistics:
    """A batch norm and its running statistics before the step."""

    norm: _NormBase
    momentum: float
    before: tuple[Tensor, ...]  # mean, variance, batches counted

    @classmethod
    def of(cls, name: str, norm: _NormBase) -> "Statistics":
        if norm.momentum is None:
            raise ConfigError(
                f"{name} of this backbone averages over all batches that it ever saw (momentum "
                "None), which ranks cannot share; leave DEVICES out."
            )
        return cls(norm, norm.momentum, tuple(one.clone() for one in statistics_of(norm)))

    def share(self, own: int, after: int) -> list[Tensor]:
        """What this rank's batches add to those of one process, `after` of which come behind."""
        *moved, counted = statistics_of(self.norm)
        left = 1 - self.momentum
        shares = [
            left**after * (one - left**own * before)
            for one, before in zip(moved, self.before[:2], strict=True)
        ]
        return [*shares, (counted - self.before[2]).float().reshape(1)]

    def take(self, summed: Sequence[Tensor], batches: int) -> None:
        left = 1 - self.momentum
        mean, variance, counted = statistics_of(self.norm)
        mean.copy_(left**batches * self.before[0] + summed[0])
        variance.copy_(left**batches * self.before[1] + summed[1])
        counted.copy_(self.before[2] + summed[2].round().to(counted.dtype).reshape(()))


def statistics_of(norm: _NormBase) -> list[Tensor]:
    """Running mean, running variance, batches counted."""
    return [norm.get_buffer(name) for name in (*STATISTICS, COUNTED)]


def moving(net: nn.Module) -> Iterator[tuple[str, _NormBase]]:
    """The batch norms whose statistics a training step moves: none of a frozen part."""
    for name, module in net.named_modules():
        if isinstance(module, _NormBase) and module.training and module.running_mean is not None:
            yield name, module


def runs(group: range, count: int) -> list[range]:
    """A step's batches in so many runs, whose lengths differ by one at most; some may be empty."""
    ends = [group.start + len(group) * number // count for number in range(count + 1)]
    return [range(*pair) for pair in pairwise(ends)]
