"""A net in few bits: rounding by hand, what folding may not change, and that it can learn."""

import copy

import pytest
import timm
import torch
from torch import nn

from models.nets.quantised import (
    RoundedLayer,
    RoundedWeight,
    fold_batch_norms,
    in_few_bits,
    quantise,
    rounded_weight,
    step_of,
)
from tests.by_hand.nets import small_net

BACKBONES = ("tf_efficientnet_lite0", "mobilenetv3_small_050", "resnet18", "test_resnet")


def drawn(name, seed=0):
    """With batch norms that have something to fold."""
    torch.manual_seed(seed)
    net = timm.create_model(name, num_classes=0).eval()
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -0.1, 0.1)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, -0.1, 0.1)
    return net


def test_weights_are_whole_multiples_of_their_channels_step():
    weight = torch.tensor([[0.7, -0.31, 0.04], [7.0, 3.4, -7.0]])
    assert torch.allclose(
        rounded_weight(weight, 4), torch.tensor([[0.7, -0.3, 0.0], [7.0, 3.0, -7.0]]), atol=1e-6
    )  # steps .1 and 1: -7 to 7 of each


@pytest.mark.parametrize("bits", [4, 8])
def test_rounding_beside_a_slow_twin(bits):
    stream = torch.Generator().manual_seed(1)
    weight = torch.randn(5, 3, 3, 3, generator=stream)
    found = rounded_weight(weight, bits)
    for channel in range(5):
        step = float(weight[channel].abs().max()) / (2 ** (bits - 1) - 1)
        for ours, given in zip(found[channel].flatten(), weight[channel].flatten(), strict=True):
            assert float(ours) == pytest.approx(round(float(given) / step) * step, abs=1e-5)
    assert len(found[0].unique()) <= 2**bits - 1


def test_an_inputs_zero_is_one_of_its_values():
    step, zero = step_of(torch.tensor(-1.0), torch.tensor(4.1))
    assert float(step) == pytest.approx(5.1 / 255)
    assert int(zero) == 50
    layer = RoundedLayer(nn.Linear(3, 1), 8).train()
    layer(torch.tensor([[0.5, 2.0, 3.0]]))
    assert (float(layer.low), float(layer.high)) == (0.0, 3.0)


def test_a_range_follows_what_is_seen_in_training_alone():
    layer = RoundedLayer(nn.Linear(2, 1), 8)
    layer.train()(torch.tensor([[-1.0, 1.0]]))
    layer.eval()(torch.tensor([[-9.0, 9.0]]))
    assert (float(layer.low), float(layer.high)) == (-1.0, 1.0)
    layer.train()(torch.tensor([[-3.0, 1.0]]))
    assert float(layer.low) == pytest.approx(-1.1)
    assert float(layer.high) == pytest.approx(1.0)


@pytest.mark.parametrize("name", BACKBONES)
def test_folding_batch_norms_leaves_the_answer_and_no_batch_norm(name):
    net = drawn(name)
    picture = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        before = net(picture)
        fold_batch_norms(net, 64)
        after = net(picture)
    assert torch.allclose(after, before, atol=1e-4 * float(before.abs().max()))
    assert not [m for m in net.modules() if isinstance(m, nn.BatchNorm2d)]


def test_eight_bits_stay_near_and_four_do_not():
    """As it is known of such nets: correlation near 1 at 8 bits, far from it at 4."""
    net = drawn("mobilenetv3_small_050")
    pictures = torch.randn(8, 3, 64, 64, generator=torch.Generator().manual_seed(3))
    whole = nn.Sequential()
    whole.add_module("backbone", net)
    fold_batch_norms(whole, 64)
    with torch.no_grad():
        exact = whole(pictures)
        apart = {}
        for bits in (8, 4):
            rounded = copy.deepcopy(whole)
            quantise(rounded, RoundedLayer, bits)
            rounded.train()(pictures)  # looks; there is no batch norm left that would move
            answer = rounded.eval()(pictures)
            apart[bits] = float((answer - exact).norm() / exact.norm())
    assert apart[8] < 0.1
    assert apart[4] > 3 * apart[8]


def test_it_learns_through_the_rounding():
    """Where inputs go together, weights can make up for each other's rounding, once they learn."""
    stream = torch.Generator().manual_seed(4)
    common = torch.randn(256, 2, generator=stream) @ torch.randn(2, 8, generator=stream)
    seen = common + 0.1 * torch.randn(256, 8, generator=stream)
    slope = torch.randn(8, 1, generator=stream)
    wanted = seen @ slope
    layer = RoundedLayer(nn.Linear(8, 1), 4).train()
    with torch.no_grad():
        layer.layer.weight.copy_(slope.T)
        layer.layer.bias.zero_()
        layer(seen)
    optimiser = torch.optim.Adam(layer.parameters(), 1e-2)
    losses = []
    for _ in range(100):
        loss = (layer(seen) - wanted).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert min(losses[50:]) < 0.5 * losses[0]


def test_a_range_taken_from_pictures_is_the_mean_of_what_batches_had():
    net = small_net(5)
    stream = torch.Generator().manual_seed(6)
    batches = [torch.randn(4, 3, 32, 32, generator=stream) for _ in range(3)]
    few = in_few_bits(net, 8, batches)
    first = next(one for one in few.modules() if isinstance(one, RoundedLayer))
    lows, highs = zip(*((float(b.min()), float(b.max())) for b in batches), strict=True)
    assert float(first.low) == pytest.approx(sum(lows) / 3)
    assert float(first.high) == pytest.approx(sum(highs) / 3)
    assert all(one.seen is None for one in few.modules() if isinstance(one, RoundedLayer))
    assert not [one for one in net.modules() if isinstance(one, RoundedWeight)]  # the net stays


def test_layers_behind_see_what_they_see_in_all_bits():
    net = small_net(5)
    batch = torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(7))
    few, fewer = (in_few_bits(net, bits, [batch]) for bits in (8, 4))
    ranges = [
        [(float(m.low), float(m.high)) for m in one.modules() if isinstance(m, RoundedLayer)]
        for one in (few, fewer)
    ]
    assert ranges[0] == ranges[1]


def test_the_head_sees_whole_embeddings_and_has_rounded_weights():
    few = in_few_bits(small_net(5), 8, [torch.zeros(1, 3, 32, 32)])
    [layer] = [one for one in few.head if isinstance(one, RoundedWeight)]
    assert not isinstance(layer, RoundedLayer)
    assert [one for one in few.backbone.modules() if isinstance(one, RoundedLayer)]
