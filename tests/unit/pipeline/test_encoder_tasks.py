"""Encoders as tasks: on what one depends, how its weights are drawn."""

import pytest
import torch

from models.networks.use import maker_of, use_of
from pipeline.networks import (
    encoding,
)
from tests.by_hand.pictures import PicturesByHand, weights_file


@pytest.fixture
def made(tmp_path):
    return PicturesByHand(tmp_path)


def encoder(made, *settings):
    job = made.job(*settings)
    return encoding(job, made.files(job), "plain", job.recipe.networks["plain"])


def test_an_encoder_depends_on_its_net_and_on_the_seed_where_it_is_drawn(made):
    path = weights_file(made, "of_others")
    task = encoder(made)
    assert task.folder == made.run / "encoders" / "plain"
    assert set(task.settings) == {"net", "seed"}
    assert task.on_change == "redo"  # it cost no training
    assert encoder(made, "seed=4").settings["seed"] == 4
    given = encoder(made, f"networks.plain.net.weights={path}")
    assert set(given.settings) == {"net"}
    assert set(given.inputs) == {"weights"}  # of no row here


def test_random_weights_are_told_once_in_a_call(made):
    job = made.job()
    for _ in range(2):
        encoding(job, made.files(), "plain", job.recipe.networks["plain"])
    assert made.lines() == [
        "notice: plain has random weights: its embeddings say little of a picture."
    ]


def test_an_encoder_is_drawn_by_the_seed_whatever_was_drawn_before(made):
    makers = []
    for seed in (0, 0, 4):
        torch.rand(3)
        job = made.job(f"seed={seed}", fresh=True)
        unit, _ = job.make(encoding(job, made.files(), "plain", job.recipe.networks["plain"]))
        makers.append(maker_of(unit))
        assert use_of(unit).held_out is None
        assert use_of(unit).classes == ()
    assert makers[0] == makers[1] != makers[2]
