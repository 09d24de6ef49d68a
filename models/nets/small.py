"""Small backbones for pictures of 28 pixels; importing this makes them known to timm.

`cnn_8_16` and its like: 3 x 3 convolutions of so many channels, each with ReLU and 2 x 2 max
pooling, as a first course in deep learning has them. `resnet18_3x3`: ResNet-18 with a 3 x 3 stem of
stride 1 and no max pooling, as He et al. (2016) have it for CIFAR. Nobody publishes weights for
them: they begin with random ones. Pixels come as they are, from 0 to 1.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, TypeVar

import torch
from timm.models import get_pretrained_cfg, register_model
from timm.models.resnet import BasicBlock, ResNet
from torch import Tensor, nn

Net = TypeVar("Net", bound=nn.Module)
SIDE = 28  # px
default_cfgs = {  # where timm's registry looks, under this name
    name: {
        "input_size": (3, SIDE, SIDE), "fixed_input_size": fixed, "mean": (0.0, 0.0, 0.0),
        "std": (1.0, 1.0, 1.0), "num_classes": 0,
    }
    for name, fixed in (
        ("cnn_8_16", True), ("cnn_32_64", True), ("cnn_32_64_128", True), ("resnet18_3x3", False),
    )
}  # fmt: skip


class SmallCNN(nn.Module):
    """Images (B, 3, S, S) -> its last maps, flattened or averaged: (B, num_features)."""

    def __init__(
        self, channels: Sequence[int], img_size: int, *, batch_norm: bool, average: bool
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in pairwise((3, *channels)):
            layers.append(nn.Conv2d(before, after, 3, padding=1))
            layers += [nn.BatchNorm2d(after)] if batch_norm else []
            layers += [nn.ReLU(), nn.MaxPool2d(2)]
        self.maps = nn.Sequential(*layers)
        self.pool = nn.AdaptiveAvgPool2d(1) if average else nn.Identity()
        side = 1 if average else img_size // 2 ** len(channels)
        self.num_features = channels[-1] * side**2

    def forward(self, images: Tensor) -> Tensor:
        pooled: Tensor = self.pool(self.maps(images))
        return torch.flatten(pooled, 1)


@register_model
def cnn_8_16(pretrained: bool = False, **options: Any) -> SmallCNN:
    """Two layers."""
    return _small("cnn_8_16", (8, 16), options)


@register_model
def cnn_32_64(pretrained: bool = False, **options: Any) -> SmallCNN:
    """Two wider layers."""
    return _small("cnn_32_64", (32, 64), options)


@register_model
def cnn_32_64_128(pretrained: bool = False, **options: Any) -> SmallCNN:
    """Three layers."""
    return _small("cnn_32_64_128", (32, 64, 128), options)


@register_model
def resnet18_3x3(pretrained: bool = False, **options: Any) -> ResNet:
    """Eighteen layers, the first of which keeps the resolution."""
    own = {key: value for key, value in options.items() if key not in _TIMMS}
    block: Any = BasicBlock  # timm's types ask for an instance of it
    net = ResNet(block, (2, 2, 2, 2), **own)
    stem = nn.Conv2d(3, 64, 3, padding=1, bias=False)
    nn.init.kaiming_normal_(stem.weight, mode="fan_out", nonlinearity="relu")
    for name, module in (("conv1", stem), ("maxpool", nn.Identity())):
        net.add_module(name, module)  # in the place of its own
    net.feature_info[0]["reduction"] = 1
    return _known("resnet18_3x3", net)


_TIMMS = ("pretrained_cfg", "pretrained_cfg_overlay", "cache_dir")  # what it hands to every model


def _small(name: str, channels: Sequence[int], options: dict[str, Any]) -> SmallCNN:
    own = {key: value for key, value in options.items() if key not in (*_TIMMS, "num_classes")}
    asked = {"img_size": SIDE, "batch_norm": False, "average": False} | own
    return _known(name, SmallCNN(channels, **asked))


def _known(name: str, net: Net) -> Net:
    known = get_pretrained_cfg(name)
    assert known is not None, "it is registered below its own name"
    net.pretrained_cfg = known.to_dict()  # type: ignore[no-untyped-call] # timm gives it no types
    return net
