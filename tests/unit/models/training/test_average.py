import torch

from models.training.average import Average


def test_after_n_steps_it_is_the_closed_form_and_counts_are_taken_as_they_stand():
    net = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2))
    average = Average(net, 0.9)
    start = net[0].weight.detach().clone()
    expected = start.clone()
    for step in range(1, 6):
        with torch.no_grad():
            net[0].weight.copy_(start + step)
            net[1].num_batches_tracked.fill_(step)
        average.update(net)
        expected = 0.9 * expected + 0.1 * (start + step)
    closed = 0.9**5 * start + sum(0.9 ** (5 - n) * 0.1 * (start + n) for n in range(1, 6))
    torch.testing.assert_close(average.tensors["0.weight"], expected)
    torch.testing.assert_close(average.tensors["0.weight"], closed)
    assert average.tensors["1.num_batches_tracked"] == 5


def test_it_takes_the_networks_place_and_gives_it_back():
    net = torch.nn.Linear(2, 2)
    average = Average(net, 0.5)
    with torch.no_grad():
        net.weight.add_(1)
    new = net.weight.detach().clone()
    with average.in_place_of(net):
        torch.testing.assert_close(net.weight.detach(), new - 1)
    assert torch.equal(net.weight, new)
