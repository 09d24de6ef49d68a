"""A small network, awake and the same each time."""

import torch

from models.nets.config import NetConfig
from models.nets.network import LesionNet

SMALL_NET = NetConfig(
    backbone="test_resnet", weights="none", size=32, se=False, cbam=False, hidden=(),
    dropout=(0.0,),
)  # fmt: skip


def small_net(seed=0):
    """One output."""
    torch.manual_seed(seed)
    return LesionNet(SMALL_NET, 1).eval()
