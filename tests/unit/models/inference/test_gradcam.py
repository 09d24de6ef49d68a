import numpy as np
import pytest
import torch
from captum.attr import LayerAttribution, LayerGradCam
from torch import nn

from models.inference.gradcam import gradcam, overlay
from models.nets.config import NetConfig
from models.nets.network import LesionNet


@pytest.fixture(scope="module")
def nets():
    """Three logits on a ConvNeXt and one on a MobileNet, untrained but not asleep."""
    torch.manual_seed(0)
    found = {}
    for outputs, backbone in ((3, "convnext_atto"), (1, "mobilenetv2_100")):
        net = LesionNet(NetConfig(backbone=backbone, weights="none", size=96), outputs)
        with torch.no_grad():
            for name, parameter in net.named_parameters():
                if name.endswith("gamma"):  # the layer scale starts at a millionth
                    parameter.fill_(1.0)
        found[outputs] = net.eval()
    return found


def images(count=2, height=96, width=64):
    return torch.randn(count, 3, height, width, generator=torch.Generator().manual_seed(4))


def relative(maps):
    return maps / maps.amax((1, 2), keepdim=True)


def slow_cam(net, picture, target):
    """One image, loops over channels and places, enlarged by torch."""
    kept = {}
    handle = net.get_submodule(net.last_map).register_forward_hook(
        lambda _m, _i, output: kept.update(maps=output)
    )
    logit = net(picture[None])[0, target]
    handle.remove()
    (slopes,) = torch.autograd.grad(logit, kept["maps"])
    _, channels, height, width = slopes.shape
    heat = torch.zeros(height, width)
    for c in range(channels):
        weight = sum(slopes[0, c, y, x].item() for y in range(height) for x in range(width))
        heat += weight / (height * width) * kept["maps"][0, c].detach()
    heat = heat.clamp(min=0)[None, None]
    large = torch.nn.functional.interpolate(heat, picture.shape[1:], mode="bilinear")[0, 0]
    return large / large.max()


def test_a_map_equals_its_written_out_twin(nets):
    maps = gradcam(nets[3], images(), torch.tensor([2, 0]))
    assert maps.shape == (2, 96, 64)
    for row, target in enumerate((2, 0)):
        torch.testing.assert_close(
            maps[row], slow_cam(nets[3], images()[row], target), rtol=1e-3, atol=1e-5
        )


@pytest.mark.parametrize("outputs", [1, 3])
def test_maps_are_captums(nets, outputs):
    net, target = nets[outputs], torch.tensor([outputs - 1, 0])
    theirs = LayerGradCam(net, net.get_submodule(net.last_map)).attribute(
        images(), target=target, relu_attributions=True
    )
    theirs = LayerAttribution.interpolate(theirs.detach(), (96, 64), "bilinear")[:, 0]
    assert (theirs.amax((1, 2)) > 0).all()
    ours = gradcam(net, images(), torch.ones(2) if outputs == 1 else target)
    torch.testing.assert_close(ours, relative(theirs), rtol=1e-3, atol=1e-5)


def test_one_logit_speaks_for_class_1_and_its_negative_for_class_0(nets):
    both = [gradcam(nets[1], images(), torch.full((2,), target)) for target in (0, 1)]
    assert not torch.equal(both[0], both[1])
    # In the corners nothing is blended by the enlarging: what speaks for one is against the other.
    corners = [maps[:, ::95, ::63] for maps in both]
    assert not ((corners[0] > 0) & (corners[1] > 0)).any()
    assert all((maps > 0).any() for maps in both)


def test_maps_lie_between_0_and_1_and_reach_1_or_are_empty(nets):
    maps = gradcam(nets[3], images(4), torch.tensor([0, 1, 2, 0]))
    assert maps.min() >= 0
    assert all(float(m.max()) in (0.0, pytest.approx(1.0)) for m in maps)


def test_an_image_without_evidence_has_a_map_of_zeros_not_nan(nets):
    net = LesionNet.blank(nets[3].config, 3).eval()
    with torch.no_grad():
        net.head[-1].weight.zero_()
    assert gradcam(net, images(), torch.tensor([0, 1])).eq(0).all()


def test_a_frozen_network_has_the_same_map_and_is_left_as_it_was(nets):
    net = nets[3]
    expected = gradcam(net, images(), torch.tensor([1, 1]))
    net.freeze(["backbone", "attention", "head"])
    net.train()
    given = images()
    with torch.no_grad():
        maps = gradcam(net, given, torch.tensor([1, 1]))
    assert torch.equal(maps, expected)
    assert net.training
    assert not given.requires_grad
    assert all(parameter.grad is None for parameter in net.parameters())
    assert not net.get_submodule(net.last_map)._forward_hooks
    net.freeze([])
    net.eval()


def test_another_layer_can_be_named(nets):
    other = gradcam(nets[3], images(), torch.tensor([1, 1]), "backbone.stages.1.stage")
    assert other.shape == (2, 96, 64)
    assert not torch.equal(other, gradcam(nets[3], images(), torch.tensor([1, 1])))


class Colours(nn.Module):
    """Class 0 is how much red there is, class 1 how much blue."""

    last_map = "conv"

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 2, 1, bias=False)
        self.conv.weight = nn.Parameter(torch.tensor([[1.0, 0, 0], [0, 0, 1.0]])[:, :, None, None])

    def forward(self, images):
        return self.conv(images).mean((2, 3))


def test_the_map_points_at_the_evidence_for_the_class_that_was_asked_for():
    picture = torch.zeros(1, 3, 12, 16)
    picture[:, 0, :6, :4] = 2.0  # red above left
    picture[:, 2, 8:, 10:] = 1.0  # blue below right
    for target, colour in ((0, 0), (1, 2)):
        heat = gradcam(Colours(), picture, torch.tensor([target]))
        assert torch.equal(heat, (picture[:, colour] > 0).float())


def test_overlay_shows_the_picture_where_it_is_cold_and_colour_where_it_is_hot():
    pixels = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    assert np.array_equal(overlay(pixels, np.zeros((7, 7), np.float32)), pixels)
    hot = overlay(np.zeros((4, 4, 3), np.uint8), np.ones((2, 2), np.float32))
    assert hot.dtype == np.uint8
    assert hot[..., 0].min() > hot[..., 2].max()  # the hot end of the scale is red, not blue
    half = np.zeros((60, 80), np.float32)
    half[:, 40:] = 1.0
    mixed = overlay(pixels, half)
    assert np.array_equal(mixed[:, :40], pixels[:, :40])
    assert not np.array_equal(mixed[:, 40:], pixels[:, 40:])
