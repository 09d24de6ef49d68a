"""Channel and spatial attention as the two-stage paper has them, but for where they begin.

SE (Hu et al. 2018) and CBAM (Woo et al. 2018) multiply maps by gates. A sigmoid's begin near one
half: four stages of them leave a sixteenth of a pretrained backbone's maps, and batch norms behind
still subtract the means of the whole. Here a gate is twice a sigmoid whose last layer begins at 0:
an untrained module passes its input through to the bit, twice a sigmoid's steepest slope is there
from the first step, and weight decay pulls a gate towards passing (docs/decisions/0010).
"""

from collections.abc import Collection, Iterable

import torch
from torch import Tensor, nn

LEAST_HIDDEN = 8  # channels
SPATIAL_KERNEL = 7
# What weights were called whose gates began at one half, until November 2026.
_BEFORE = ((".se.squeeze.", ".se.fc1."), (".cbam.squeeze.", ".cbam.shared.0."))


class SqueezeExcite(nn.Module):
    """Rescale channels by a two-layer network of their means; (B, C, H, W) -> the same shape."""

    def __init__(self, channels: int, reduction: int = 16) -> None:
        super().__init__()
        hidden = _hidden(channels, reduction)
        self.squeeze = nn.Conv2d(channels, hidden, 1)
        self.excite = _beginning_at_0(nn.Conv2d(hidden, channels, 1))

    def forward(self, maps: Tensor) -> Tensor:
        mean = maps.mean((2, 3), keepdim=True)
        return maps * _gate(self.excite(self.squeeze(mean).relu()))


class CBAM(nn.Module):
    """Channel attention, then spatial attention; (B, C, H, W) -> the same shape.

    timm's has a batch norm after the 7x7 convolution, which the paper does not state and whose
    statistics would move with batches of eight.
    """

    def __init__(self, channels: int, reduction: int = 16) -> None:
        super().__init__()
        hidden = _hidden(channels, reduction)
        self.squeeze = nn.Conv2d(channels, hidden, 1, bias=False)
        self.excite = _beginning_at_0(nn.Conv2d(hidden, channels, 1, bias=False))
        spatial = nn.Conv2d(2, 1, SPATIAL_KERNEL, padding=SPATIAL_KERNEL // 2)
        self.spatial = _beginning_at_0(spatial)

    def forward(self, maps: Tensor) -> Tensor:
        mean = self._shared(maps.mean((2, 3), keepdim=True))
        maps = maps * _gate(mean + self._shared(maps.amax((2, 3), keepdim=True)))
        over_channels = [maps.mean(1, keepdim=True), maps.amax(1, keepdim=True)]
        return maps * _gate(self.spatial(torch.cat(over_channels, 1)))

    def _shared(self, pooled: Tensor) -> Tensor:
        found: Tensor = self.excite(self.squeeze(pooled).relu())
        return found


def began_otherwise(found: Collection[str], expected: Iterable[str]) -> bool:
    """Whether weights of these names are a network's whose gates began at one half."""
    return any(
        now in name and name.replace(now, before) in found
        for name in expected
        for now, before in _BEFORE
    )


def _gate(logits: Tensor) -> Tensor:
    """Between 0 and 2, and 1 at 0: as 1 + tanh(x / 2)."""
    return 2 * torch.sigmoid(logits)


def _beginning_at_0(layer: nn.Conv2d) -> nn.Conv2d:
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    return layer


def _hidden(channels: int, reduction: int) -> int:
    return max(LEAST_HIDDEN, channels // reduction)
