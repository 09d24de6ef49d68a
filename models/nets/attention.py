"""Channel and spatial attention as the two-stage paper has them.

SE (Hu et al. 2018) is timm's module, hidden width given by us. CBAM (Woo et al. 2018) is ours:
timm's has a batch norm after the 7x7 convolution, which the paper does not state and whose
statistics would move with batches of eight.
"""

import torch
from timm.layers.squeeze_excite import SEModule
from torch import Tensor, nn

LEAST_HIDDEN = 8  # channels
SPATIAL_KERNEL = 7


def squeeze_excite(channels: int, reduction: int = 16) -> nn.Module:
    """Rescale channels by a two-layer network of their spatial means."""
    return SEModule(channels, rd_channels=_hidden(channels, reduction))


class CBAM(nn.Module):
    """Channel attention, then spatial attention; (B, C, H, W) -> the same shape."""

    def __init__(self, channels: int, reduction: int = 16) -> None:
        super().__init__()
        hidden = _hidden(channels, reduction)
        self.shared = nn.Sequential(
            nn.Conv2d(channels, hidden, 1, bias=False),
            nn.ReLU(inplace=True),
            nn.Conv2d(hidden, channels, 1, bias=False),
        )
        self.spatial = nn.Conv2d(2, 1, SPATIAL_KERNEL, padding=SPATIAL_KERNEL // 2)

    def forward(self, maps: Tensor) -> Tensor:
        mean = maps.mean((2, 3), keepdim=True)
        most = maps.amax((2, 3), keepdim=True)
        maps = maps * torch.sigmoid(self.shared(mean) + self.shared(most))
        over_channels = [maps.mean(1, keepdim=True), maps.amax(1, keepdim=True)]
        return maps * torch.sigmoid(self.spatial(torch.cat(over_channels, 1)))


def _hidden(channels: int, reduction: int) -> int:
    return max(LEAST_HIDDEN, channels // reduction)
