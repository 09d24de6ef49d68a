"""Batches divided among ranks by their pictures, for a loss that looks at all of a batch.

NT-Xent tells a view from all others of its batch: so every rank has the outputs of all ranks, the
others' without gradients, and what comes back to its own is whole. Batch norms take mean and
variance of the whole batch, and their gradients go back to all who were in it.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from models.input.loader import Piece
from models.nets.network import LesionNet
from models.training.config import TrainConfig
from models.training.ranks import Ranks
from models.training.shares import Shares, Statistics, runs
from models.training.sharing import is_divided
from workspace.arrays import Ints
from workspace.errors import ConfigError


def shares_of(ranks: Ranks, config: TrainConfig, *, by_batch: bool) -> Shares:
    """How these ranks share a step; `by_batch`: a picture's loss hangs on its whole batch."""
    if is_divided(config, ranks.count, by_batch=by_batch):
        return DividedBatches(ranks)
    return Shares(ranks)


class DividedBatches(Shares):
    """Every rank has some rows of every batch."""

    def pieces(self, group: range, plan: Sequence[Ints]) -> list[Piece]:
        return [Piece(number, self._rows(len(plan[number]))) for number in group]

    def learn(
        self, net: LesionNet, images: Tensor, piece: Piece, of: int
    ) -> tuple[Tensor, Tensor | None]:
        """Outputs of the whole batch (of, outputs), with gradients for this rank's rows alone."""
        with SyncedNorms(self.ranks):
            outputs, _ = net.learn(images)
        own = whole_bits(outputs)
        whole = own.new_zeros((of, own.shape[1]))
        whole[piece.rows] = own.detach()
        self.ranks.add(whole)
        before, behind = whole[: piece.rows.start], whole[piece.rows.stop :]
        return torch.cat([before, own, behind]), None

    def before(self, net: nn.Module) -> list[Statistics]:
        """None: each rank's statistics are those of whole batches already."""
        return []

    def _rows(self, count: int) -> slice:
        if count < self.ranks.count:
            raise ConfigError(
                f"A batch of {count} views cannot be divided among {self.ranks.count} ranks; take "
                "fewer DEVICES."
            )
        own = runs(range(count), self.ranks.count)[self.ranks.number]
        return slice(own.start, own.stop)


class SyncedNorms(TorchFunctionMode):
    """While it is on, a batch norm in training sees the pictures of all ranks.

    Not torch's SyncBatchNorm, which knows GPUs alone and not the norms of timm.
    """

    def __init__(self, ranks: Ranks) -> None:
        super().__init__()
        self._ranks = ranks

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        if func is functional.batch_norm:
            return self._normalised(*args, **(kwargs or {}))
        return func(*args, **(kwargs or {}))

    def _normalised(  # noqa: PLR0913, PLR0917 - torch's own signature
        self, images: Tensor, mean: Tensor | None, variance: Tensor | None,
        weight: Tensor | None = None, bias: Tensor | None = None, training: bool = False,
        momentum: float = 0.1, eps: float = 1e-5,
    ) -> Tensor:  # fmt: skip
        if not training:
            return functional.batch_norm(
                images, mean, variance, weight, bias, training, momentum, eps
            )
        seen = whole_bits(images)
        over = [0, *range(2, seen.ndim)]
        shape = [1, -1, *[1] * (seen.ndim - 2)]
        own = seen.new_tensor([seen.numel() / seen.shape[1]])
        summed = added(torch.cat([seen.sum(over), own]), self._ranks)
        count = summed[-1].detach()
        centre = summed[:-1] / count
        centred = seen - centre.view(shape)
        spread = added((centred * centred).sum(over), self._ranks) / count
        if mean is not None and variance is not None:
            with torch.no_grad():
                mean.lerp_(centre, momentum)
                variance.lerp_(spread * count / (count - 1), momentum)
        normalised = centred * torch.rsqrt(spread + eps).view(shape)
        if weight is not None and bias is not None:
            normalised = normalised * weight.view(shape) + bias.view(shape)
        return normalised.to(images.dtype)


def whole_bits(values: Tensor) -> Tensor:
    """In 32 bits, or the 64 that they have."""
    return values.to(torch.promote_types(values.dtype, torch.float32))


class _Added(torch.autograd.Function):
    """A sum over ranks, whose gradient is the sum of all their gradients."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, ranks: Ranks) -> Tensor:
        ctx.ranks = ranks
        total = values.detach().clone()
        ranks.add(total)
        return total

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        total = grads[0].contiguous().clone()
        ctx.ranks.add(total)
        return total, None


def added(values: Tensor, ranks: Ranks) -> Tensor:
    """Their sum over ranks, through which gradients go back to each."""
    total: Tensor = _Added.apply(values, ranks)
    return total
