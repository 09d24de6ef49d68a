"""What weights in few bits take, beside a count by hand."""

import numpy as np
import pytest
import torch
from torch import nn

from models.distill.size import megabytes
from models.nets.quantised import RoundedLayer, RoundedWeight, quantise


@pytest.mark.parametrize(("bits", "weights"), [(8, 54 + 6), (4, 27 + 3)])
def test_each_rounded_weight_takes_its_bits_and_all_else_is_kept_whole(bits, weights):
    """A convolution of 2 x 3 x 3 x 3 = 54 weights, a linear layer of 3 x 2 = 6."""
    net = nn.Sequential()
    net.add_module("backbone", nn.Conv2d(3, 2, 3))
    net.add_module("norm", nn.LayerNorm(2))  # 2 x 2 numbers
    net.add_module("head", nn.Linear(2, 3))
    net.backbone, net.head = nn.Sequential(net.backbone), nn.Sequential(net.head)
    quantise(net.backbone, RoundedLayer, bits)
    quantise(net.head, RoundedWeight, bits)
    tensors = {name: one.numpy() for name, one in net.state_dict().items()}
    steps, biases, ranges, norm = 2 + 3, 2 + 3, 2, 4
    assert megabytes(tensors, bits) * 1e6 == weights + 4 * (steps + biases + ranges + norm)


def test_a_layer_that_is_only_called_so_is_kept_whole():
    net = nn.Sequential()
    net.add_module("layer", nn.Linear(5, 2))
    tensors = {f"some.{name}": one for name, one in net.state_dict().items()}
    assert "some.layer.weight" in tensors
    arrays = {name: torch.clone(one).numpy() for name, one in tensors.items()}
    assert megabytes(arrays, 4) * 1e6 == 4 * 12


def test_halves_are_of_every_float_that_is_worth_it():
    tensors = {
        "weight": np.zeros((32, 2), np.float32), "bias": np.zeros(63, np.float32),
        "batches": np.zeros((), np.int64),
    }  # fmt: skip
    assert megabytes(tensors, 16) * 1e6 == 64 * 2 + 63 * 4 + 8
