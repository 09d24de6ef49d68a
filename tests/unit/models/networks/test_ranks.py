"""A contrastive network that two ranks train together, batch by batch: the losses of one."""

import pickle

import numpy as np
import pytest
import torch

from models.inference.scores import Way
from models.networks.fold import begin_training
from models.networks.network import Run, TrainingRows
from models.training.checkpoints import Checkpoints, Onlooker
from models.training.divided import DividedBatches
from models.training.ranks import ALONE
from tests.ranks import among
from tests.unit.models.networks.test_contrastive_training import (
    COUNT,
    TRAINED,
    WANTED,
    drawn,
    network,
)
from workspace.hashing import HashMemory
from workspace.progress import quietly

NETS = {"norms": {"backbone": "test_resnet"}, "no norms": {"backbone": "test_convnext"}}


def learnt(name, folder, ranks):
    """The training, all of whose steps are done."""
    pictures = folder / f"pictures_{ranks.number}"
    pictures.mkdir(exist_ok=True)
    kind = Checkpoints if ranks.is_first else Onlooker
    checkpoints = kind(folder / name, WANTED, HashMemory(), print)
    rows = TrainingRows(0, np.arange(TRAINED), np.arange(COUNT) // 2)
    run = Run(1, Way(torch.device("cpu")))
    # Adam would take the last bits of a gradient that is 0, as before a norm, for a step.
    asked = network(NETS[name], optimiser="sgd", phases=[{"epochs": 3, "lr": 0.05}])
    training = begin_training(asked, rows, run, drawn(pictures), checkpoints, ranks)
    training.learn(quietly)
    return training


def learn_all(ranks, folder):
    for name in NETS:
        training = learnt(name, folder, ranks)
        assert isinstance(training.shares, DividedBatches)
        state = {key: value.numpy() for key, value in training.net.state_dict().items()}
        if ranks.is_first:
            (folder / f"{name}.pickle").write_bytes(pickle.dumps((training.history, state)))
        ranks.wait()


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shared")
    among(2, folder / "ranks", learn_all, folder)
    return folder


@pytest.mark.parametrize("name", NETS)
def test_check_80_negatives_and_norms_are_those_of_the_whole_batch(shared, tmp_path, name):
    history, state = pickle.loads((shared / f"{name}.pickle").read_bytes())
    alone = learnt(name, tmp_path, ALONE)
    losses = [entry["loss"] for entry in history]
    assert losses == pytest.approx([entry["loss"] for entry in alone.history], rel=1e-5)
    for key, value in alone.net.state_dict().items():
        np.testing.assert_allclose(state[key], value.numpy(), rtol=1e-3, atol=1e-4)
