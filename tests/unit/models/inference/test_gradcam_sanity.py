"""Whether a map says something of what was learnt (Adebayo et al. 2018).

A network learns in seconds whether a drawn picture has a lesion, and must then point at it, in
whichever corner it lies.
"""

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from torch.nn import functional

from models.inference.gradcam import gradcam
from models.nets.config import NetConfig
from models.nets.network import LesionNet

SIDE, RADIUS = 64, 7
CORNERS = ((12, 12), (12, 52), (52, 12), (52, 52))  # above left, above right, below ...
NET = NetConfig(
    backbone="test_resnet", weights="none", size=SIDE, se=False, cbam=False, hidden=(),
    dropout=(0.0,),
)  # fmt: skip


def skin(count, seed):
    noise = np.random.default_rng(seed).normal(0.6, 0.08, (count, 3, SIDE, SIDE))
    return torch.from_numpy(noise.astype(np.float32))


def draw_lesion(picture, centre):
    down, across = np.mgrid[:SIDE, :SIDE]
    inside = (down - centre[0]) ** 2 + (across - centre[1]) ** 2 <= RADIUS**2
    picture[:, torch.from_numpy(inside)] -= 0.5


def blank(seed):
    torch.manual_seed(seed)
    return LesionNet(NET, 1).eval()


def taught(seed):
    """Half the pictures have a lesion, anywhere."""
    net, images = blank(seed), skin(96, seed)
    target = torch.arange(96) % 2
    centres = np.random.default_rng(seed).uniform(8, SIDE - 8, (96, 2))
    for number in torch.nonzero(target).flatten().tolist():
        draw_lesion(images[number], centres[number])
    net.train()
    adam = torch.optim.Adam(net.parameters(), lr=3e-3)
    for _ in range(7):
        for some in torch.randperm(96).split(16):
            logits = net(images[some])[:, 0]
            adam.zero_grad()
            functional.binary_cross_entropy_with_logits(logits, target[some].float()).backward()
            adam.step()
    return net.eval()


@pytest.fixture(scope="module")
def pictures():
    images = skin(16, 99)
    for number in range(16):
        draw_lesion(images[number], CORNERS[number % 4])
    return images


@pytest.fixture(scope="module")
def taught_maps(pictures):
    return [maps_of(taught(seed), pictures) for seed in (0, 1)]


def maps_of(net, pictures):
    return gradcam(net, pictures, torch.ones(len(pictures), dtype=torch.long)).numpy()


def in_its_corner(maps):
    """How many maps are warmest in the quarter where the lesion is; a map of zeros is in none."""
    half = SIDE // 2
    quarters = maps.reshape(-1, 2, half, 2, half).mean((2, 4)).reshape(-1, 4)
    warm = quarters.max(1) > 0
    return np.mean(warm & (quarters.argmax(1) == np.arange(len(maps)) % 4))


def alike(maps, others):
    """The mean rank correlation of two maps of a picture, where both show anything."""
    both = [(a[::4, ::4], b[::4, ::4]) for a, b in zip(maps, others, strict=True)]
    return np.mean(
        [spearmanr(a.ravel(), b.ravel())[0] for a, b in both if a.max() > 0 and b.max() > 0]
    )


def test_a_lesion_in_a_corner_lights_that_corner(taught_maps):
    assert [in_its_corner(maps) for maps in taught_maps] == [1.0, 1.0]


def test_random_weights_give_another_map(pictures, taught_maps):
    maps, again = taught_maps
    random = [maps_of(blank(seed), pictures) for seed in range(100, 106)]
    assert alike(maps, again) > 0.9  # learnt anew from other pictures: the same places
    assert np.mean([alike(maps, one) for one in random]) < 0.35
    assert np.mean([in_its_corner(one) for one in random]) < 0.6  # by chance 0.25
