"""One small network, exported once: an export takes seconds."""

import cv2
import numpy as np
import polars as pl
import pytest
import torch

from folds.images import ImageReader
from models.export.answering import Answering
from models.export.onnx_file import onnx_of
from models.inference.familiar import familiar
from models.inference.views import FOUR
from models.input.pictures import Pictures
from models.nets.config import NetConfig
from models.nets.network import LesionNet

NET = NetConfig(
    backbone="test_resnet", weights="none", size=32, mean=(0.5, 0.4, 0.3), std=(0.25, 0.2, 0.3),
    se=False, cbam=False, hidden=(), dropout=(0.0,),
)  # fmt: skip
MAP = (1.5, -0.25)  # of log odds
SHAPES = ((90, 110), (20, 300), (32, 32), (31, 64), (5, 7), (300, 9), (1, 1), (64, 64))


@pytest.fixture(scope="session")
def net():
    """Three classes, whose logits are enlarged so that pictures differ."""
    torch.manual_seed(0)
    net = LesionNet(NET, 3).eval()
    with torch.no_grad():
        net.head[-1].weight.mul_(40)
    return net


@pytest.fixture(scope="session")
def module(net):
    """Two of the three classes are target 1, by a calibration; four views."""
    known = np.random.default_rng(0).normal(size=(200, net.num_features)).astype(np.float32)
    return Answering(net, FOUR, (0, 2), familiar(known), MAP)


@pytest.fixture(scope="session")
def exported(module):
    return onnx_of(module)


@pytest.fixture(scope="session")
def pictures(tmp_path_factory):
    """PNG files of several shapes."""
    folder, rng = tmp_path_factory.mktemp("export"), np.random.default_rng(1)
    names = [f"p{number}" for number in range(len(SHAPES))]
    for name, shape in zip(names, SHAPES, strict=True):
        pixels = rng.integers(0, 256, (*shape, 3)).astype(np.uint8)
        assert cv2.imwrite(str(folder / f"{name}.png"), pixels)
    return Pictures(ImageReader(folder), pl.Series(names), [f"{n}.png" for n in names], 0.01)
