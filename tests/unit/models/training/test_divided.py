"""A batch divided among ranks has the loss, the gradients and the norms of the whole batch."""

import pickle
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from models.input.loader import Piece
from models.training.contrastive import nt_xent
from models.training.divided import DividedBatches, SyncedNorms
from models.training.ranks import ALONE
from tests.ranks import among
from workspace.errors import ConfigError

RANKS = 3
PICTURES = torch.tensor([0, 1, 2, 3, 4, 0, 1, 2, 3, 4])  # both views of five
GROUP = [np.arange(10)]


def drawn():
    """Images (10, 3, 6, 6) and a network with a batch norm, the same for whoever asks."""
    torch.manual_seed(3)
    net = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(64, 5)
    )
    # In 64 bits: sums in another order would move gradients of 13 beyond the bounds below.
    return (torch.randn(10, 3, 6, 6) * 2 + 1).double(), net.double()


def a_step(ranks, folder):
    """Loss and gradients by this rank's rows of the batch, and those of all ranks added up."""
    images, net = drawn()
    shares = DividedBatches(ranks)
    [piece] = shares.pieces(range(1), GROUP)
    learner = SimpleNamespace(learn=lambda seen: (net(seen), None))
    outputs, _ = shares.learn(learner, images[piece.rows], piece, 10)
    loss = nt_xent(outputs, PICTURES, 0.5)
    loss.sum().backward()
    losses = loss.detach()[piece.rows].sum().reshape(1)
    rows = piece.rows.start, piece.rows.stop
    before = [one.grad.clone() for one in net.parameters()]
    values = shares.add_up(net, losses, shares.before(net), range(1))
    left = {
        "rows": ranks.gathered(rows), "loss": values[0], "own": before,
        "grads": [one.grad for one in net.parameters()],
        "norm": [net[1].running_mean, net[1].running_var, net[1].num_batches_tracked],
    }  # fmt: skip
    if ranks.is_first:
        (folder / "step.pickle").write_bytes(pickle.dumps(left))


@pytest.fixture(scope="module")
def divided(tmp_path_factory):
    folder = tmp_path_factory.mktemp("divided")
    among(RANKS, folder / "ranks", a_step, folder)
    return pickle.loads((folder / "step.pickle").read_bytes())


def test_three_ranks_of_a_batch_come_to_what_one_comes_to(divided):
    images, net = drawn()
    loss = nt_xent(net(images), PICTURES, 0.5).sum()
    loss.backward()
    assert divided["rows"] == [(0, 3), (3, 6), (6, 10)]
    assert divided["loss"] == pytest.approx(loss.item(), rel=1e-6)
    for ours, theirs in zip(divided["grads"], net.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs.grad, rtol=1e-5, atol=1e-6)
    assert not torch.allclose(divided["own"][0], divided["grads"][0])  # one rank's is no whole one
    mean, variance, counted = divided["norm"]
    torch.testing.assert_close(mean, net[1].running_mean, rtol=1e-6, atol=1e-7)
    torch.testing.assert_close(variance, net[1].running_var, rtol=1e-6, atol=1e-7)
    assert counted == net[1].num_batches_tracked == 1


def test_a_norm_that_is_not_in_training_or_has_no_weights_is_as_torchs_own():
    images = torch.randn(4, 2, 3, 3)
    mean, variance = torch.tensor([1.0, 2.0]), torch.tensor([4.0, 9.0])
    wanted = functional.batch_norm(images, mean, variance)
    free = functional.batch_norm(images, None, None, training=True)
    with SyncedNorms(ALONE):
        assert torch.equal(functional.batch_norm(images, mean, variance), wanted)
        torch.testing.assert_close(functional.batch_norm(images, None, None, training=True), free)


def test_a_batch_of_fewer_views_than_ranks_is_refused():
    shares = DividedBatches(SimpleNamespace(number=0, count=3))
    assert shares.pieces(range(1), [np.arange(3)]) == [Piece(0, slice(0, 1))]
    with pytest.raises(ConfigError) as refused:
        shares.pieces(range(1), [np.arange(2)])
    assert str(refused.value) == (
        "A batch of 2 views cannot be divided among 3 ranks; take fewer DEVICES."
    )
