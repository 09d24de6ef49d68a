"""Layers in few bits as a file keeps them: whole numbers and their steps, and no float beside.

ONNX says by QuantizeLinear and DequantizeLinear what torch says by fake quantisation. A runtime
that computed between them in whole numbers would round biases too, and on some processors cut off
sums; so each layer has a bound before it that changes no number, and keeps its input a float.
"""

import copy
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.onnx.ops import symbolic

from models.nets.quantised import LEVELS, RoundedLayer, RoundedWeight, step_of, weight_steps

# What the weights of so many bits are called in a file; those of 4 lie there two in a byte.
WHOLE = {8: "whole", 4: "whole_in_4_bits"}

Net = TypeVar("Net", bound=nn.Module)


class PackedWeight(nn.Module):
    """A layer whose weights are whole numbers; can be exported and nothing else."""

    steps: Tensor

    def __init__(self, rounded: RoundedWeight) -> None:
        super().__init__()
        weight, bits = rounded.layer.get_parameter("weight").detach(), rounded.bits
        steps, most = weight_steps(weight, bits), 2 ** (bits - 1) - 1
        # As torch does it: by the inverse, so that no last bit decides otherwise.
        whole = torch.round(weight * (1 / steps).reshape(-1, *[1] * (weight.dim() - 1)))
        self.name, self.layer = WHOLE[bits], copy.copy(rounded.layer)
        self.layer._parameters = {**rounded.layer._parameters, "weight": None}  # it may lack a bias
        self.register_buffer("steps", steps)
        self.register_buffer(self.name, whole.clamp(-most, most).to(torch.int8))

    def forward(self, seen: Tensor) -> Tensor:
        whole = self.get_buffer(self.name)
        weight = symbolic(
            "DequantizeLinear", (whole, self.steps), {"axis": 0}, dtype=torch.float32,
            shape=whole.shape,
        )  # fmt: skip
        output: Tensor = functional_call(self.layer, {"weight": weight}, (seen,))
        return output


class PackedLayer(PackedWeight):
    """The same with an input of 256 values."""

    step: Tensor
    zero: Tensor

    def __init__(self, rounded: RoundedLayer) -> None:
        super().__init__(rounded)
        step, zero = step_of(rounded.low, rounded.high)
        self.register_buffer("step", step)
        self.register_buffer("zero", zero.to(torch.uint8))

    def forward(self, seen: Tensor) -> Tensor:
        by = (self.step, self.zero)
        whole = symbolic("QuantizeLinear", (seen, *by), dtype=torch.uint8, shape=seen.shape)
        again = symbolic("DequantizeLinear", (whole, *by), dtype=torch.float32, shape=seen.shape)
        low, high = ((bound - self.zero.float()) * self.step for bound in (0, LEVELS - 1))
        return super().forward(again.clamp(low, high))


def packed(net: Net) -> Net:
    """A copy for the exporter; one that has no layer in few bits is the net itself."""
    if not any(isinstance(one, RoundedWeight) for one in net.modules()):
        return net
    copied = copy.deepcopy(net)
    for name, module in list(copied.named_modules()):
        if isinstance(module, RoundedWeight):
            whole = (
                PackedLayer(module) if isinstance(module, RoundedLayer) else PackedWeight(module)
            )
            parent, _, last = name.rpartition(".")
            setattr(copied.get_submodule(parent), last, whole)
    return copied
