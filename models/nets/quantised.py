"""A net in few bits: what its layers see and weigh is rounded as a phone would keep it.

Batch norms are folded into the convolutions before them, as every runtime does. Then each layer's
weights are rounded to whole multiples of a step by output channel, its input to 256 values between
what it saw in training; gradients pass as if nothing had been rounded (Jacob et al. 2018). Trained
so for some epochs, a net learns to live with it; one that never was takes the ranges of its inputs
from pictures (`see`). Where it runs, the numbers are the same but for the order of sums.
"""

import copy
from collections.abc import Iterable, Iterator
from typing import Protocol, Self, TypeVar

import torch
from torch import Tensor, nn
from torch.func import functional_call

from workspace.errors import ConfigError

LEVELS = 256  # of a layer's input: 8 bits, whatever the weights have
MOVES = 0.05  # how far a batch moves what a layer takes for the range of its input
FOLDED_ALIKE = 1e-3  # of the largest answer: what folding may change


class HasParts(Protocol):
    """A network with a backbone and a head; `LesionNet` is one."""

    size: int
    training: bool
    backbone: nn.Module
    head: nn.Sequential

    def __call__(self, images: Tensor) -> Tensor: ...
    def modules(self) -> Iterator[nn.Module]: ...
    def eval(self) -> Self: ...
    def train(self, mode: bool = True) -> Self: ...


Net = TypeVar("Net", bound=HasParts)


class RoundedWeight(nn.Module):
    """A layer with its weights in few bits; its input stays as it is."""

    def __init__(self, layer: nn.Module, bits: int) -> None:
        super().__init__()
        self.layer, self.bits = layer, bits

    def forward(self, seen: Tensor) -> Tensor:
        weight = rounded_weight(self.layer.get_parameter("weight"), self.bits)
        output: Tensor = functional_call(self.layer, {"weight": weight}, (seen,))
        return output


class RoundedLayer(RoundedWeight):
    """A convolution or a linear layer with its input and its weights in few bits."""

    low: Tensor
    high: Tensor

    def __init__(self, layer: nn.Module, bits: int) -> None:
        super().__init__(layer, bits)
        self.register_buffer("low", torch.zeros(()))
        self.register_buffer("high", torch.zeros(()))
        self.seen: int | None = None  # batches, while it takes the range from pictures

    def forward(self, seen: Tensor) -> Tensor:
        if self.seen is not None:
            self.seen += 1
            self._look(seen, 1 / self.seen)
            whole: Tensor = self.layer(seen)
            return whole
        if self.training:
            self._look(seen, MOVES if self.high > self.low else 1.0)
        return super().forward(self._rounded(seen))

    @torch.no_grad()
    def _look(self, seen: Tensor, share: float) -> None:
        """The range moves towards the batch's; 0, which padding brings, is always within."""
        low, high = seen.amin().float().clamp(max=0), seen.amax().float().clamp(min=0)
        self.low += share * (low - self.low)
        self.high += share * (high - self.high)

    def _rounded(self, seen: Tensor) -> Tensor:
        step, zero = step_of(self.low, self.high)
        rounded = torch.fake_quantize_per_tensor_affine(seen.float(), step, zero, 0, LEVELS - 1)
        return rounded.to(seen.dtype)


def step_of(low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
    """The step between two values of an input, and which of them is 0."""
    step = ((high - low) / (LEVELS - 1)).clamp(min=1e-9)
    return step, torch.round(-low / step).clamp(0, LEVELS - 1).to(torch.int32)


def rounded_weight(weight: Tensor, bits: int) -> Tensor:
    """Each output channel in whole multiples of its own step; as many above 0 as below."""
    most = 2 ** (bits - 1) - 1
    steps = weight_steps(weight, bits)
    zeros = torch.zeros_like(steps, dtype=torch.int32)
    rounded: Tensor = torch.fake_quantize_per_channel_affine(
        weight.float(), steps, zeros, 0, -most, most
    )
    return rounded.to(weight.dtype)


@torch.no_grad()
def weight_steps(weight: Tensor, bits: int) -> Tensor:
    """(channels,): the largest weight of each over the largest whole number."""
    largest = weight.float().abs().flatten(1).amax(dim=1)
    steps: Tensor = (largest / (2 ** (bits - 1) - 1)).clamp(min=1e-9)
    return steps


def round_layers(net: HasParts, bits: int) -> None:
    """Fold batch norms and round every convolution and linear layer, in place.

    What the head sees stays whole: normalised embeddings have a few large numbers, and 256 values
    between those would be most of what rounding costs, for some thousand products.
    """
    fold_batch_norms(net.backbone, net.size)
    quantise(net.backbone, RoundedLayer, bits)
    quantise(net.head, RoundedWeight, bits)


def quantise(net: nn.Module, kind: type[RoundedWeight], bits: int) -> None:
    """Round all layers of this net, or of a module of it, in place."""
    layers = [n for n, m in net.named_modules() if isinstance(m, (nn.Conv2d, nn.Linear))]
    for name in layers:
        _put(net, name, kind(net.get_submodule(name), bits))


def in_few_bits(net: Net, bits: int, batches: Iterable[Tensor]) -> Net:
    """A copy that was not trained for it (post-training)."""
    rounded = copy.deepcopy(net).eval()
    round_layers(rounded, bits)
    take_ranges(rounded, batches)
    return rounded


@torch.no_grad()
def take_ranges(net: HasParts, batches: Iterable[Tensor]) -> None:
    """Each input's range becomes the mean of what these batches had, in all bits."""
    training = net.training
    net.eval()
    layers = [one for one in net.modules() if isinstance(one, RoundedLayer)]
    for layer in layers:
        layer.seen = 0
    for batch in batches:
        net(batch)
    for layer in layers:
        layer.seen = None
    net.train(training)


def fold_batch_norms(net: nn.Module, size: int) -> None:
    """Fold each batch norm that sees a convolution's output and nothing else, in place.

    Which do is seen on one picture; that the answer stayed the same too.
    """
    training = net.training
    picture = torch.linspace(-1, 1, 3 * size * size).reshape(1, 3, size, size)
    with torch.no_grad():
        before = net.eval()(picture)
        for conv_name, norm_name in _pairs(net, picture):
            conv, norm = net.get_submodule(conv_name), net.get_submodule(norm_name)
            assert isinstance(conv, nn.Conv2d)
            _fold(conv, norm)
            behind = [getattr(norm, name) for name in ("drop", "act") if hasattr(norm, name)]
            _put(net, norm_name, nn.Sequential(*behind) if behind else nn.Identity())
        after = net(picture)
    net.train(training)
    if (after - before).abs().max() > FOLDED_ALIKE * before.abs().max().clamp(min=1):
        raise ConfigError(
            "Batch norms of this backbone cannot be folded into its convolutions without changing "
            "its answers; leave net.weight_bits out, or take another net.backbone."
        )


def _pairs(net: nn.Module, picture: Tensor) -> list[tuple[str, str]]:
    """Convolutions whose output is a batch norm's input, the very tensor."""
    made_by: dict[int, str] = {}
    pairs, alive = list[tuple[str, str]](), list[Tensor]()  # an id is of one tensor while it lives

    def watch(name: str, module: nn.Module) -> torch.utils.hooks.RemovableHandle:
        def saw(_: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            alive.append(output)
            if isinstance(module, nn.Conv2d):
                made_by[id(output)] = name
            elif (conv := made_by.get(id(inputs[0]))) is not None:
                pairs.append((conv, name))

        return module.register_forward_hook(saw)

    of_interest = (nn.Conv2d, nn.BatchNorm2d)
    handles = [watch(n, m) for n, m in net.named_modules() if isinstance(m, of_interest)]
    net(picture)
    for handle in handles:
        handle.remove()
    return pairs


def _fold(conv: nn.Conv2d, norm: nn.Module) -> None:
    """The convolution as it is with the batch norm behind it."""
    assert isinstance(norm, nn.BatchNorm2d)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    scale = torch.rsqrt(norm.running_var + norm.eps)
    scale = scale if norm.weight is None else scale * norm.weight
    shift = torch.zeros_like(scale) if norm.bias is None else norm.bias
    bias = torch.zeros_like(scale) if conv.bias is None else conv.bias
    conv.weight = nn.Parameter(conv.weight * scale.reshape(-1, 1, 1, 1))
    conv.bias = nn.Parameter((bias - norm.running_mean) * scale + shift)


def _put(net: nn.Module, name: str, module: nn.Module) -> None:
    parent, _, last = name.rpartition(".")
    setattr(net.get_submodule(parent), last, module)
