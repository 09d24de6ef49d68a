import pytest
import torch

from models.nets.config import NetConfig
from models.nets.network import LesionNet

SMALL = {"backbone": "convnext_atto", "weights": "none", "size": 32}


@pytest.fixture
def small():
    """A small network of one's own: `small(outputs, **other options)`."""

    def made(outputs=3, **options):
        torch.manual_seed(0)
        return LesionNet(NetConfig(**{**SMALL, **options}), outputs)

    return made
