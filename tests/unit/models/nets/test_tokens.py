"""Backbones of tokens (EVA-02), at other sizes than their weights, and ConvNeXt V2 beside them."""

import pytest
import safetensors.torch
import timm
import torch

from models.inference.gradcam import gradcam
from models.nets.config import NetConfig
from models.nets.network import LesionNet
from models.nets.weights import pack, pretrained_backbone, unpack
from models.training.config import PhaseConfig, TrainConfig
from models.training.groups import optimiser
from workspace.errors import ArtifactError, ConfigError

TINY = "eva02_tiny_patch14_224"
PLAIN = {"se": False, "cbam": False, "hidden": (), "dropout": (0.0,)}
SHALLOW = {"options": {"depth": 2}, **PLAIN}


@pytest.fixture(scope="module", params=[(TINY, 0), ("eva02_tiny_patch14_336", 1000)])
def published(request, tmp_path_factory):
    """What timm publishes: at 224 px without a classifier, at 336 px with one of 1,000 classes."""
    name, classes = request.param
    torch.manual_seed(4)
    net = timm.create_model(name, depth=2, num_classes=classes)
    path = tmp_path_factory.mktemp("eva") / "eva.safetensors"
    safetensors.torch.save_file(net.state_dict(), path)
    return name, path


def images(size, count=2):
    return torch.randn(count, 3, size, size, generator=torch.Generator().manual_seed(9))


@pytest.mark.parametrize("size", [None, 112])
def test_weights_of_another_size_are_fitted_as_timm_fits_them(published, size):
    name, path = published
    config = NetConfig(backbone=name, weights=str(path), size=size, **SHALLOW)
    ours, origin = pretrained_backbone(config)
    more = {} if size is None else {"img_size": size}
    theirs = timm.create_model(
        name, pretrained=True, num_classes=0, depth=2,
        pretrained_cfg_overlay={"file": str(path)}, **more,
    )  # fmt: skip
    shown = images(size or theirs.pretrained_cfg["input_size"][-1])
    with torch.no_grad():
        found = ours.eval()(shown)
        assert found.isfinite().all()
        assert torch.equal(found, theirs.eval()(shown))
    headed = name.endswith("336")
    assert origin.left_out == (("head.bias", "head.weight") if headed else ())


def test_only_positions_are_fitted(published, tmp_path):
    name, path = published
    other = safetensors.torch.load_file(path)
    other["patch_embed.proj.weight"] = other["patch_embed.proj.weight"][..., :7, :7].contiguous()
    wrong = tmp_path / "wrong.safetensors"
    safetensors.torch.save_file(other, wrong)
    for size in (None, 112):
        config = NetConfig(backbone=name, weights=str(wrong), size=size, **SHALLOW)
        with pytest.raises(ArtifactError, match=r"has other shapes in patch_embed\.proj\.weight"):
            pretrained_backbone(config)


@pytest.mark.parametrize("options", [{}, {"dynamic_img_size": True}])
def test_its_size_travels_with_it_and_a_checkpoint_brings_it_back(options):
    given = {"backbone": TINY, "weights": "none", "size": 56, **PLAIN}
    torch.manual_seed(0)
    net = LesionNet(NetConfig(**given, options={"depth": 1, **options}), 1).eval()
    assert (net.size, net.num_features) == (56, 192)
    other = LesionNet.blank(net.config, 1).eval()
    unpack(other, pack(net))
    assert torch.equal(other(images(56)), net(images(56)))
    if options:
        assert net(images(84)).shape == (2, 1)


@pytest.mark.parametrize(
    ("backbone", "width", "size", "options"),
    [
        ("eva02_small_patch14_224", 384, 42, {"depth": 1}),
        ("eva02_base_patch14_224", 768, 42, {"depth": 1}),
        ("convnextv2_nano", 640, 32, {}),
    ],
)
def test_embeddings_are_as_wide_as_the_study_guide_has_them(backbone, width, size, options):
    given = NetConfig(backbone=backbone, weights="none", size=size, options=options, **PLAIN)
    net = LesionNet(given, 1).eval()
    embedding, logits = net.embed(images(size))
    assert (embedding.shape, logits.shape) == ((2, width), (2, 1))
    assert embedding.isfinite().all()


@pytest.fixture(scope="module")
def small():
    torch.manual_seed(0)
    config = NetConfig(backbone=TINY, weights="none", size=42, options={"depth": 1}, **PLAIN)
    return LesionNet(config, 1)


def test_tokens_have_no_map_to_draw(small):
    assert small.last_map == ""
    with pytest.raises(ConfigError) as refused:
        gradcam(small, images(42), torch.tensor([1, 1]))
    assert str(refused.value) == (
        "Grad-CAM needs a map before the pooling, which eva02_tiny_patch14_224 lacks: it works on "
        "tokens. Take another net.backbone."
    )


def test_tokens_and_positions_do_not_decay(small):
    phase = PhaseConfig(epochs=1, lr=1e-3, scale={"backbone": 0.01})
    decay = {
        name: group["weight_decay"]
        for group in optimiser(small, phase, TrainConfig(phases=(phase,))).param_groups
        for name in group["names"]
    }
    assert decay["backbone.pos_embed"] == decay["backbone.cls_token"] == 0.0
    assert decay["backbone.patch_embed.proj.weight"] == decay["head.2.weight"] == 0.05


def test_a_step_moves_the_head_a_hundred_times_as_fast(small):
    phase = PhaseConfig(epochs=1, lr=1e-3, scale={"backbone": 0.01})
    shares = {
        small.part_of(name): group["share"]
        for group in optimiser(small, phase, TrainConfig(phases=(phase,))).param_groups
        for name in group["names"]
    }
    assert shares == {"backbone": 0.01, "head": 1.0}
