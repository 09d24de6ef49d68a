import math

import pytest
import torch

from models.training.average import Average


def weighted(start, decays):
    """The average of start, start + 1, start + 2, ... written out: each one's share of it."""
    shares = [
        math.prod(decays[n:]) * (1 - (decays[n - 1] if n else 0)) for n in range(len(decays) + 1)
    ]
    assert sum(shares) == pytest.approx(1)
    return start + sum(share * n for n, share in enumerate(shares))


@pytest.mark.parametrize(
    ("decay", "decays"),
    [
        (0.999, [1 / 10, 2 / 11, 3 / 12, 4 / 13, 5 / 14]),
        (0.2, [1 / 10, 2 / 11, 0.2, 0.2, 0.2]),
    ],
)
def test_check_121_after_n_steps_it_is_the_closed_form_counts_as_they_stand(decay, decays):
    net = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2))
    average = Average(net, decay)
    start = net[0].weight.detach().clone()
    for step in range(5):
        with torch.no_grad():
            net[0].weight.add_(1)
            net[1].num_batches_tracked.fill_(step)
        average.update(net, step)
    torch.testing.assert_close(average.tensors["0.weight"], weighted(start, decays))
    assert average.tensors["1.num_batches_tracked"] == 4


def test_check_121_the_drawn_weights_are_forgotten_in_twenty_steps():
    """Their share after n steps is one in (n + 9 over 9), however slow the decay."""
    net = torch.nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        net.weight.fill_(1.0)
    average = Average(net, 0.9999)
    with torch.no_grad():
        net.weight.zero_()
    for step in range(20):
        average.update(net, step)
    assert average.tensors["weight"].item() == pytest.approx(1 / math.comb(29, 9), rel=1e-4)


def test_it_takes_the_networks_place_and_gives_it_back():
    net = torch.nn.Linear(2, 2)
    average = Average(net, 0.5)
    with torch.no_grad():
        net.weight.add_(1)
    new = net.weight.detach().clone()
    with average.in_place_of(net):
        torch.testing.assert_close(net.weight.detach(), new - 1)
    assert torch.equal(net.weight, new)
