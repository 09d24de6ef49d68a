"""Signs of life: what is said of inner rows without a label in sight of the training."""

from dataclasses import replace

import cv2
import numpy as np
import polars as pl
import pytest
import torch

from folds.images import ImageReader
from metrics.representation import alignment, nearest_class, uniformity
from models.inference.scores import Way
from models.input.config import AugmentConfig
from models.input.pictures import Pictures
from models.input.transforms import make_transform
from models.nets.config import NetConfig
from models.nets.network import LesionNet
from models.networks import signs as signs_of_life
from models.networks.inner_rows import InnerRows
from models.networks.signs import Signs
from models.networks.tasks.contrastive import DRAWN, Unlabelled
from workspace.errors import ConfigError

COUNT, LEARNT = 30, 20
NET = NetConfig(
    backbone="test_resnet", weights="none", size=32, se=False, cbam=False, hidden=(16,),
    dropout=(0.0, 0.0),
)  # fmt: skip
KNOWN = np.array([(0, 1, -1)[number % 3] for number in range(COUNT)])
LABELS = Unlabelled(
    np.zeros(COUNT, np.int64),
    (),
    lesions=np.arange(COUNT),
    known=KNOWN,
    names=("mel", "nv"),
    by="diagnosis",
)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder, rng = tmp_path_factory.mktemp("pictures"), np.random.default_rng(0)
    names = [f"p{number:02d}" for number in range(COUNT)]
    for name in names:
        image = rng.integers(40, 120, (36, 36, 3)).astype(np.uint8)
        assert cv2.imwrite(str(folder / f"{name}.png"), image)
    return Pictures(ImageReader(folder), pl.Series(names), [f"{n}.png" for n in names], 0.01)


@pytest.fixture
def net():
    torch.manual_seed(0)
    return LesionNet(NET, 8).eval()


@pytest.fixture
def rows(pictures, net):
    transform = make_transform(AugmentConfig(), net.size, net.mean, net.std)
    said = []
    found = InnerRows(
        pictures, np.arange(LEARNT), np.arange(LEARNT, COUNT), Way(torch.device("cpu")), transform,
        7, "simclr, fold 0", said.append,
    )  # fmt: skip
    return found, said


def test_neighbours_are_of_learnt_rows_alone_and_rows_of_no_class_are_left_out(
    rows, net, monkeypatch
):
    monkeypatch.setattr(signs_of_life, "NEIGHBOURS", 3)
    watched, besides = Signs(rows[0], LABELS, "knn_accuracy")(net, [])
    bank = np.array([n for n in range(LEARNT) if KNOWN[n] >= 0])
    asked = np.array([n for n in range(LEARNT, COUNT) if KNOWN[n] >= 0])
    seen = {n: rows[0].scores(net, np.array([n])).embedding[0] for n in (*bank, *asked)}
    called = nearest_class(
        np.stack([seen[n] for n in bank]),
        KNOWN[bank],
        np.stack([seen[n] for n in asked]),
        3,
    )
    right = called == KNOWN[asked]
    assert watched == pytest.approx(right.mean())
    recalls = [right[KNOWN[asked] == code].mean() for code in (0, 1)]
    assert besides["knn_balanced_accuracy"] == pytest.approx(np.mean(recalls))
    assert besides.keys() == {"knn_balanced_accuracy", "alignment", "uniformity"}


def test_alignment_and_uniformity_are_of_the_outputs_of_two_drawn_views(rows, net):
    signs = Signs(rows[0], LABELS, "knn_accuracy")
    one, other = signs._two_views(net)
    assert one.shape == other.shape == (COUNT - LEARNT, 8)
    assert not np.array_equal(one, other)
    _, besides = signs(net, [])
    assert besides["alignment"] == pytest.approx(alignment(one, other))
    assert besides["uniformity"] == pytest.approx((uniformity(one) + uniformity(other)) / 2)
    small = replace(rows[0], way=Way(torch.device("cpu"), batch_size=3))
    again, _ = Signs(small, LABELS, "knn_accuracy")._two_views(net)
    np.testing.assert_allclose(again, one, atol=1e-5)


def test_every_epoch_is_asked_the_same_and_nothing_random_is_touched(rows, net):
    signs, before = Signs(rows[0], LABELS, "knn_balanced_accuracy"), torch.get_rng_state()
    assert signs(net, []) == signs(net, [])
    assert torch.equal(torch.get_rng_state(), before)


def one_point(net):
    last = net.head[-1]
    with torch.no_grad():
        last.weight.zero_()
        last.bias.fill_(1.0)


def epochs(signs, net, count, history):
    """So many further epochs of one call; the records of all."""
    for _ in range(count):
        _, besides = signs(net, history)
        assert besides["uniformity"] == pytest.approx(0.0, abs=1e-6)
        history.append({"epoch": len(history) + 1, **besides})


def alarm(uniformity):
    return (
        "WARNING: simclr, fold 0 has collapsed: the outputs of different pictures are as good as "
        f"one point (uniformity {uniformity:.3f}, above -0.1); lower lr, or take a larger "
        "batch_size or stronger augmentation."
    )


def test_outputs_that_are_one_point_are_told_once_as_a_collapse(rows, net):
    one_point(net)
    signs, history = Signs(rows[0], LABELS, "knn_accuracy"), []
    epochs(signs, net, DRAWN, history)  # as it may be where weights are as they were drawn
    assert rows[1] == []
    epochs(signs, net, 2, history)
    assert rows[1] == [alarm(history[-1]["uniformity"])]


def test_a_training_that_is_killed_again_and_again_is_told_of_its_collapse(rows, net):
    one_point(net)
    history = []
    for said in (0, 1, 2):  # once a call
        epochs(Signs(rows[0], LABELS, "knn_accuracy"), net, DRAWN, history)
        assert rows[1] == [alarm(history[-1]["uniformity"])] * said


def test_a_collapse_that_is_over_is_not_told_in_a_later_call(rows, net):
    torch.manual_seed(1)
    with torch.no_grad():
        net.head[-1].weight.normal_()
    before = [{"epoch": n, "uniformity": value} for n, value in enumerate((-2.0, 0.0), start=1)]
    Signs(rows[0], LABELS, "knn_accuracy")(net, before)
    assert rows[1] == []


def test_spread_outputs_are_no_collapse(rows, net):
    torch.manual_seed(1)
    with torch.no_grad():
        net.head[-1].weight.normal_()
    _, besides = Signs(rows[0], LABELS, "knn_accuracy")(net, [])
    assert besides["uniformity"] < -0.1
    assert rows[1] == []


def test_inner_rows_of_which_nothing_is_known_are_refused_before_the_first_epoch(rows):
    known = np.where(np.arange(COUNT) < LEARNT, KNOWN, -1)
    with pytest.raises(ConfigError) as refused:
        Signs(rows[0], replace(LABELS, known=known), "knn_accuracy")
    assert str(refused.value) == (
        "simclr, fold 0: none of the inner rows has a diagnosis, by which signs of life go; take "
        "another task.signs_by, or training.choose='last'."
    )
