"""Ranks that share a training come to what one process comes to: losses, weights, statistics."""

import pickle

import numpy as np
import pytest

from models.nets.config import NetConfig
from models.training import shares
from models.training.checkpoints import Onlooker
from models.training.config import PhaseConfig, TrainConfig
from models.training.shares import Shares, runs
from tests.ranks import among
from tests.unit.models.training.conftest import CONFIG, NET, Trial, draw_pictures
from workspace.errors import ConfigError
from workspace.progress import quietly
from workspace.stopping import Stopped

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
        training.learn(quietly)
        ranks.wait()
        state = {key: value.numpy() for key, value in training.net.state_dict().items()}
        seen = ranks.gathered(state)
        if ranks.is_first:
            (folder / f"{name}.pickle").write_bytes(pickle.dumps((training.history, seen)))


def end_early(ranks, folder):
    """The second rank has a loss that is not finite; in another training it is asked to stop."""
    pictures = draw_pictures(folder / f"pictures_{ranks.number}")
    training = Trial(folder / "broken", pictures, shares=Shares(ranks), config=PLAIN).made()
    loss = training._loss
    if not ranks.is_first:
        training._loss = lambda *given: loss(*given) * float("nan")
    with pytest.raises(ConfigError) as refused:
        training.learn(quietly)
    sentences = ranks.gathered(str(refused.value))

    training = Trial(folder / "stopped", pictures, shares=Shares(ranks), config=PLAIN).made()
    if not ranks.is_first:
        training.kept.__class__ = Onlooker
        shares.is_asked = lambda: training.position.step == 1  # in its second step
    with pytest.raises(Stopped) as stopped:
        training.learn(quietly)
    left = ranks.gathered((stopped.value.exit_code, training.position.batch))
    if ranks.is_first:
        ids = pictures.ids.gather(training._plan(0)[1]).to_list()
        ended = sentences, ids, left, training.kept.load().position.batch
        (folder / "ended.pickle").write_bytes(pickle.dumps(ended))


def share_all(ranks, folder):
    train_all(ranks, folder)
    end_early(ranks, folder)


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shared")
    for number in range(2):
        (folder / f"pictures_{number}").mkdir()
    among(2, folder / "ranks", share_all, folder)
    return folder


@pytest.mark.parametrize("name", CASES)
def test_two_ranks_come_to_the_losses_and_weights_of_one(shared, tmp_path, pictures, name):
    history, states = pickle.loads((shared / f"{name}.pickle").read_bytes())
    alone = Trial(tmp_path / "alone", pictures, **CASES[name]).made()
    alone.learn(quietly)
    losses = [entry["loss"] for entry in history]
    assert losses == pytest.approx([entry["loss"] for entry in alone.history], rel=1e-5)
    assert [entry["auc"] for entry in history] == [entry["auc"] for entry in alone.history]
    for key, value in alone.net.state_dict().items():
        assert np.array_equal(states[0][key], states[1][key]), key
        np.testing.assert_allclose(states[0][key], value.numpy(), rtol=1e-3, atol=2e-5)


def test_a_loss_that_is_not_finite_ends_all_with_the_pictures_of_whoever_had_it(shared):
    sentences, ids, _, _ = pickle.loads((shared / "ended.pickle").read_bytes())
    assert sentences[0] == sentences[1]
    assert sentences[0].startswith(
        f"Non-finite loss at epoch 1 step 1 (images {', '.join(ids)}); lower lr in phase 1"
    )


def test_who_is_asked_to_stop_stops_all_after_the_same_step_which_is_kept(shared):
    *_, left, batch = pickle.loads((shared / "ended.pickle").read_bytes())
    assert left == [(143, 4), (143, 4)]  # two steps of two batches
    assert batch == 4


def test_runs_are_whole_batches_one_after_another_and_differ_by_one():
    assert runs(range(4, 8), 2) == [range(4, 6), range(6, 8)]
    assert runs(range(5), 3) == [range(1), range(1, 3), range(3, 5)]
    assert runs(range(1), 2) == [range(0), range(1)]
