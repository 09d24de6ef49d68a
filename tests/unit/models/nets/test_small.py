"""The small backbones: what they are made of, and that timm's own way makes them."""

import pytest
import torch

from models.nets.config import NetConfig
from models.nets.network import LesionNet
from workspace.errors import ConfigError

PLAIN = {
    "weights": "none", "se": False, "cbam": False, "hidden": (), "dropout": (0.0,),
    "head_norm": False,
}  # fmt: skip


def net(backbone, classes=7, **values):
    return LesionNet(NetConfig(backbone=backbone, **{**PLAIN, **values}), classes)


def parameters(backbone, **values):
    return sum(one.numel() for one in net(backbone, **values).parameters())


def test_parameters_are_those_that_one_counts_by_hand():
    first = 3 * 9 * 8 + 8 + 8 * 9 * 16 + 16
    assert parameters("cnn_8_16") == first + 16 * 7 * 7 * 7 + 7  # 28 pixels, halved twice
    second = 3 * 9 * 32 + 32 + 32 * 9 * 64 + 64
    assert parameters("cnn_32_64") == second + 64 * 7 * 7 * 7 + 7
    third = second + 64 * 9 * 128 + 128
    averaged = {"options": {"average": True}}
    assert parameters("cnn_32_64_128", **averaged) == third + 128 * 7 + 7
    normed = {"options": {"average": True, "batch_norm": True}}
    assert parameters("cnn_32_64_128", **normed) == third + 2 * (32 + 64 + 128) + 128 * 7 + 7
    assert parameters("cnn_8_16", size=56) == first + 16 * 14 * 14 * 7 + 7


def test_pixels_come_as_they_are():
    small = net("cnn_8_16")
    assert (small.size, small.mean, small.std) == (28, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))


@pytest.mark.parametrize("backbone", ["cnn_8_16", "cnn_32_64", "cnn_32_64_128", "resnet18_3x3"])
def test_they_answer_and_what_they_see_can_be_shown(backbone):
    small = net(backbone).eval()
    embedding, logits = small.embed(torch.rand(2, 3, 28, 28))
    assert embedding.shape == (2, small.num_features)
    assert logits.shape == (2, 7)
    assert small.last_map


def test_the_stem_of_the_residual_network_keeps_the_resolution():
    seen = {}
    small = net("resnet18_3x3").eval()
    small.backbone.layer1.register_forward_hook(lambda m, i, o: seen.update(shape=o.shape))
    small(torch.rand(1, 3, 28, 28))
    assert seen["shape"] == (1, 64, 28, 28)
    # Of timm's ResNet-18, with 64 * 3 * 9 weights in the stem instead of 64 * 3 * 49.
    assert sum(p.numel() for p in small.backbone.parameters()) == 11_176_512 - 64 * 3 * 40


def test_a_head_without_norms_is_one_linear_layer():
    small = net("cnn_8_16")
    assert [type(layer).__name__ for layer in small.head] == ["Dropout", "Linear"]
    deep = net("cnn_8_16", hidden=(64,), dropout=(0.0, 0.0))
    names = [type(layer).__name__ for layer in deep.head]
    assert names == ["Dropout", "Linear", "GELU", "Dropout", "Linear"]
    assert "head_norm" not in NetConfig().settings()
    assert NetConfig(head_norm=False).settings()["head_norm"] is False


def test_unknown_options_and_pretrained_weights_are_refused():
    with pytest.raises(ConfigError, match="cannot be made with options depth"):
        net("cnn_8_16", options={"depth": 3})
    with pytest.raises(ConfigError, match="timm has no weights for cnn_8_16 on the hub"):
        net("cnn_8_16", weights="hub")
