"""Rounded after training: by pictures that were learnt from alone."""

import numpy as np
import polars as pl
import pytest
import torch

from models.inference.scores import Way
from models.nets.network import LesionNet
from models.nets.quantised import RoundedLayer
from models.networks import rounding
from models.networks.rounding import LearntRows, begin_ranges, rounded, some_of
from tests.by_hand.nets import small_net
from workspace.errors import DataError

IDS = pl.Series(["a", "b", "c", "d"])
ROWS = LearntRows(np.array([1, 3]), np.array([0, 2]))
NONE = LearntRows(np.array([], int), np.array([], int))


@pytest.fixture
def net():
    return small_net()


class Shelf:
    """Pictures that remember who was asked for."""

    ids = IDS

    def __init__(self, monkeypatch):
        self.asked = []
        monkeypatch.setattr(rounding, "images_of", self.images_of)

    def images_of(self, _net, _pictures, indices, way):
        self.asked += indices.tolist()
        yield torch.ones(len(indices), 3, 32, 32, device=way.device)


def test_check_87_only_what_was_learnt_from_is_looked_at(net, monkeypatch):
    shelf = Shelf(monkeypatch)
    few = rounded(net, "int8", shelf, ROWS, Way(torch.device("cpu")))
    assert shelf.asked == [1, 3]
    first = next(one for one in few.modules() if isinstance(one, RoundedLayer))
    assert (float(first.low), float(first.high)) == (0.0, 1.0)


def test_ranges_are_taken_where_the_network_lies_wherever_pictures_are_scored(net, monkeypatch):
    """On a machine with a GPU the opened network is beside it still."""
    way = Way(torch.device("meta"))
    few = rounded(net, "int8", Shelf(monkeypatch), ROWS, way)
    first = next(one for one in few.modules() if isinstance(one, RoundedLayer))
    assert float(first.high) == 1.0


@pytest.mark.parametrize("begin", [False, True])
def test_check_87_a_calibration_picture_of_a_held_out_fold_is_refused(net, monkeypatch, begin):
    """Whoever made the split says what is kept back; here what was learnt is wrong by two."""
    shelf, way = Shelf(monkeypatch), Way(torch.device("cpu"))
    rows = LearntRows(np.array([0, 1, 2]), np.array([0, 2]))
    with pytest.raises(DataError) as refused:
        begin_ranges(net, shelf, rows, way) if begin else rounded(net, "int4", shelf, rows, way)
    assert str(refused.value) == (
        "Ranges of few bits would be taken from [a, c] (2 of 3 pictures), which the network holds "
        "out or chooses by; take pictures of its training rows alone."
    )
    assert shelf.asked == []


def test_a_net_that_is_to_learn_keeps_its_way_of_learning(net, monkeypatch):
    shelf = Shelf(monkeypatch)
    few = LesionNet.blank(net.config.model_copy(update={"weight_bits": 8}), 1).train()
    begin_ranges(few, shelf, ROWS, Way(torch.device("cpu")))
    first = next(one for one in few.modules() if isinstance(one, RoundedLayer))
    assert (float(first.low), float(first.high)) == (0.0, 1.0)
    assert few.training
    assert shelf.asked == [1, 3]


def test_what_16_bits_cannot_hold_is_the_most_that_they_can(net):
    with torch.no_grad():
        net.head[-1].weight.fill_(1e6)
    few = rounded(net, "float16", None, NONE, Way(torch.device("cpu")))
    assert float(few.head[-1].weight.detach().max()) == 65504.0


def test_some_are_the_same_ones_each_time_and_never_twice():
    rows = np.arange(0, 3000, 3)
    some = some_of(rows, 256)
    assert (some == some_of(rows, 256)).all()
    assert len(set(some.tolist())) == 256
    assert set(some.tolist()) <= set(rows.tolist())
    assert some_of(rows[:5], 256).tolist() == [0, 3, 6, 9, 12]


def test_halves_are_of_weights_that_are_worth_it(net):
    few = rounded(net, "float16", None, NONE, Way(torch.device("cpu")))
    for (name, ours), given in zip(
        few.state_dict().items(), net.state_dict().values(), strict=True
    ):
        if given.dtype == torch.float32 and given.numel() >= 64:
            assert torch.equal(ours, given.half().float()), name
        else:
            assert torch.equal(ours, given), name
    both = zip(few.parameters(), net.parameters(), strict=True)
    assert not all(torch.equal(ours, given) for ours, given in both)
