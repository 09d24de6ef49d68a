"""The distillation source's losses and pooling, by the keys that docs/stages.md names."""

import numpy as np
import pytest
import torch

from models.nets.network import LesionNet
from models.training.objective import ClassObjective
from pipeline.recipe import load_recipe

TRUE = np.array([1, 0, 1, 0])
LOGITS = torch.tensor([[2.0], [-1.0], [-0.5], [3.0]])
SIGMOID = 1 / (1 + np.exp(-LOGITS.numpy().ravel().astype(np.float64)))


def network(*settings):
    recipe = load_recipe("distill", [f"networks.mobile.{one}" for one in settings])
    return recipe.networks["mobile"]


def losses(*settings):
    objective = ClassObjective(TRUE, 2, network(*settings).learning)
    objective.begin(np.arange(4), torch.device("cpu"))
    return objective.loss(LOGITS, None, objective.targets(np.arange(4))).numpy()


def by_hand(positive=1.0, gamma=0.0):
    """Of the class that is true: its weight (1 - p)^gamma (-log p)."""
    right = np.where(TRUE == 1, SIGMOID, 1 - SIGMOID)
    weight = np.where(TRUE == 1, positive, 1.0 if positive == 1 else 1 - positive)
    return weight * (1 - right) ** gamma * -np.log(right)


def test_it_is_binary_cross_entropy_unless_something_else_is_said():
    assert losses() == pytest.approx(by_hand(), rel=1e-5)


@pytest.mark.parametrize("weight", [0.6, 0.7, 0.8])
def test_weighted_cross_entropy_is_alpha(weight):
    assert losses(f"training.alpha={weight}") == pytest.approx(by_hand(weight), rel=1e-5)


@pytest.mark.parametrize("gamma", [1.0, 2.0, 4.0])
def test_focal_loss_is_gamma(gamma):
    assert losses(f"training.gamma={gamma}") == pytest.approx(by_hand(gamma=gamma), rel=1e-4)


@pytest.mark.parametrize("backbone", ["mobilenetv3_small_100", "tf_efficientnet_lite0"])
def test_pooling_is_an_option_of_the_net(backbone):
    images, seen = torch.rand(2, 3, 64, 64), {}
    for pool in ("avg", "max"):
        settings = (f"net.backbone={backbone}", "net.size=64", f"net.options.global_pool={pool}")
        torch.manual_seed(0)
        net = LesionNet.blank(network(*settings).net, 1).eval()
        maps = []
        pooling = net.backbone.global_pool
        pooling.register_forward_hook(lambda _, given, out, maps=maps: maps.append((given[0], out)))
        with torch.no_grad():
            net(images)
        ((before, after),) = maps
        whole = before.flatten(2)
        expected = whole.mean(2) if pool == "avg" else whole.amax(2)
        assert torch.allclose(after.flatten(1), expected, atol=1e-6)
        seen[pool] = after
    assert not torch.equal(seen["avg"], seen["max"])
