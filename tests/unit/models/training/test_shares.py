"""Ranks that share a training come to what one process comes to: losses, weights, statistics."""

import pickle

import numpy as np
import pytest

from models.nets.config import NetConfig
from models.training.checkpoints import Onlooker
from models.training.config import PhaseConfig, TrainConfig
from models.training.shares import Shares, runs
from tests.ranks import among
from tests.unit.models.training.conftest import CONFIG, NET, Trial, draw_pictures

WITH_NORMS = NetConfig(
    backbone="test_resnet", weights="none", size=32, se=False, cbam=False, hidden=(),
    dropout=(0.2,),
)  # fmt: skip
# Fourteen pictures in batches of three: steps of 2, 2 and 1 batch, the last one of two pictures.
PLAIN = TrainConfig(
    phases=(PhaseConfig(epochs=2, lr=1e-3, schedule="onecycle"),), batch_size=3, accumulate=2,
    oversample={"b": 1.5}, checkpoint_s=1e9,
)  # fmt: skip
CASES = {
    "phases, average, clipped": {"config": CONFIG, "net": NET},
    "batch norms, oversampled": {"config": PLAIN, "net": WITH_NORMS},
    "three batches a step": {"config": PLAIN.model_copy(update={"accumulate": 3}), "net": NET},
}


def shared_trial(name, folder, pictures, ranks):
    return Trial(folder / name, pictures, shares=Shares(ranks), **CASES[name])


def train_all(ranks, folder):
    """A rank trains each case; the first one keeps what came of it."""
    pictures = draw_pictures(folder / f"pictures_{ranks.number}")
    for name in CASES:
        training = shared_trial(name, folder, pictures, ranks).made()
        if not ranks.is_first:
            training.kept.__class__ = Onlooker
        training.learn(lambda done, total: None)
        ranks.wait()
        state = {key: value.numpy() for key, value in training.net.state_dict().items()}
        seen = ranks.gathered(state)
        if ranks.is_first:
            (folder / f"{name}.pickle").write_bytes(pickle.dumps((training.history, seen)))


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shared")
    for number in range(2):
        (folder / f"pictures_{number}").mkdir()
    among(2, folder / "ranks", train_all, folder)
    return folder


@pytest.mark.parametrize("name", CASES)
def test_two_ranks_come_to_the_losses_and_weights_of_one(shared, tmp_path, pictures, name):
    history, states = pickle.loads((shared / f"{name}.pickle").read_bytes())
    alone = Trial(tmp_path / "alone", pictures, **CASES[name]).made()
    alone.learn(lambda done, total: None)
    losses = [entry["loss"] for entry in history]
    assert losses == pytest.approx([entry["loss"] for entry in alone.history], rel=1e-5)
    assert [entry["auc"] for entry in history] == [entry["auc"] for entry in alone.history]
    for key, value in alone.net.state_dict().items():
        assert np.array_equal(states[0][key], states[1][key]), key
        np.testing.assert_allclose(states[0][key], value.numpy(), rtol=1e-3, atol=2e-5)


def test_runs_are_whole_batches_one_after_another_and_differ_by_one():
    assert runs(range(4, 8), 2) == [range(4, 6), range(6, 8)]
    assert runs(range(5), 3) == [range(1), range(1, 3), range(3, 5)]
    assert runs(range(1), 2) == [range(0), range(1)]
