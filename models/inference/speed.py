"""Inference at the pace of the machine: bfloat16 where its processor computes in it, compiled code.

A pace is data, to be chosen once, kept in the manifest and used again: bfloat16 moves single
probabilities by hundredths, so that rows which are to be compared must be computed alike. It is
by autocast, as in training: weights and norms stay float32, which halves the change. What each
pace gains and changes is measured in docs/benchmarks (networks).
"""

import copy
import importlib.util
import os
import shutil
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from models.inference.views import probabilities
from models.nets.network import LesionNet

# How pixels lie in memory, on every device: 0.98 to 1.8 times as fast on a CPU, by network
# (docs/benchmarks, pace). A trial would choose by the noise of a clock, and bits would follow it.
LAYOUT = torch.channels_last
WORTH_COMPILING = 10_000  # images: a minute of compiling is then won back on two cores


@dataclass(frozen=True)
class Pace:
    """How a network is run; the default is how it was trained to be read: float32, as written."""

    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    compiled: bool = False


EXACT = Pace()


def fastest(device: torch.device, count: int) -> Pace:
    """The pace for so many images on this device, from what the machine says it can do."""
    bfloat16 = _computes_in_bfloat16(device)
    compiled = bfloat16 and count >= WORTH_COMPILING and _can_compile(device)
    return Pace("bfloat16" if bfloat16 else "float32", compiled)


def halved(device: torch.device) -> Pace:
    """The pace of what was scored in bfloat16: float16 on a GPU that would only emulate that.

    It has three bits more, so that scores lie nearer those of float32.
    """
    emulates = device.type == "cuda" and not _computes_in_bfloat16(device)
    return Pace("float16" if emulates else "bfloat16")


class Prepared:
    """A copy of a network for inference on a device; logits and embeddings come as float32."""

    def __init__(self, net: LesionNet, device: torch.device, pace: Pace = EXACT) -> None:
        self.pace, self.device = pace, device
        self._autocast = pace.dtype != "float32"
        self._kind = torch.float16 if pace.dtype == "float16" else torch.bfloat16
        mine = copy.deepcopy(net).eval().requires_grad_(False).to(device)
        mine = mine.to(memory_format=LAYOUT)
        self._embed = torch.compile(mine.embed, dynamic=False) if pace.compiled else mine.embed
        self._batch = 0

    def __call__(self, images: Tensor) -> Tensor:
        return self.embed(images)[1]

    def embed(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Embeddings and logits of images (B, 3, H, W), on the prepared device."""
        count = len(images)
        moved = images.to(self.device, torch.float32).contiguous(memory_format=LAYOUT)
        if self.pace.compiled:  # one shape, one compilation: a short last batch is filled up
            self._batch = max(self._batch, count)
            moved = functional.pad(moved, (0, 0) * 3 + (0, self._batch - count))
        with (
            torch.no_grad(),
            torch.autocast(self.device.type, self._kind, enabled=self._autocast),
        ):
            embeddings, logits = self._embed(moved)
        return embeddings[:count].float(), logits[:count].float()


def change(net: LesionNet, prepared: Prepared, images: Tensor) -> float:
    """The largest difference in a probability between the network as it is and as prepared."""
    exact = Prepared(net, prepared.device)
    return float((probabilities(exact(images)) - probabilities(prepared(images))).abs().max())


def _computes_in_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    # Without these instructions bfloat16 is emulated and slower than float32.
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


def _can_compile(device: torch.device) -> bool:
    if device.type == "cuda":
        return importlib.util.find_spec("triton") is not None
    return shutil.which(os.environ.get("CXX", "g++")) is not None
