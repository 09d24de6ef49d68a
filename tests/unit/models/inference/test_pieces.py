"""Work that is stopped anywhere and goes on, beside work that is not."""

import threading
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from folds.images import ImageReader
from models.inference.overlays import Asked
from models.inference.pieces import PieceByPiece
from models.inference.scores import Way, score_pictures
from models.input.pictures import Pictures
from models.nets.config import NetConfig
from models.nets.network import LesionNet
from workspace.manifest import Wanted
from workspace.pieces import KeptPieces
from workspace.stopping import Stopped

WAY = Way(torch.device("cpu"), batch_size=2)
PLACES, CLASSES = np.arange(1, 10), np.array([0, 1, 1, 0, 1, 0, 0, 1, 1])
ASKED = Asked(PLACES, CLASSES, [f"class {code}" for code in CLASSES])
WANTED = Wanted(stage="predict", settings={}, inputs={}, recipe={}, seed=0)


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(0)
    config = NetConfig(backbone="test_convnext", weights="none", size=32, hidden=(16, 8))
    return LesionNet(config, 1).eval()


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder, rng = tmp_path_factory.mktemp("own"), np.random.default_rng(0)
    names = [f"picture {number}" for number in range(10)]
    for name in names:
        pixels = rng.integers(0, 256, (20, 24, 3), dtype=np.uint8)
        assert cv2.imwrite(str(folder / f"{name}.png"), pixels)
    return Pictures(ImageReader(folder), names, [f"{name}.png" for name in names])


class Bar:
    """Remembers what it was shown; stops the work after so many times."""

    def __init__(self, stops_after=None):
        self.shown, self.stops_after = [], stops_after

    def __call__(self, done, total):
        self.shown.append((done, total))
        if len(self.shown) == self.stops_after:
            raise Stopped(2)


def work_in(folder, pictures, told=None):
    tell = (lambda line: None) if told is None else told.append
    return PieceByPiece(pictures, KeptPieces(folder, WANTED, tell), scored=4, drawn=4)


def scores(folder, pictures, net, bar, told=None):
    said = work_in(folder, pictures, told).scores("fold_0", net, WAY, bar)
    assert said.distance is None
    return said.probability.tobytes()


class FirstNumber:
    """A distance that can be read off the embedding."""

    def __init__(self, mark="one"):
        self.mark = mark

    def far(self, embeddings):
        return embeddings[:, 0].astype(np.float64)


def distances(folder, pictures, net, bar, told=None, measure=None):
    work = work_in(folder, pictures, told)
    said = work.scores("fold_0", net, WAY, bar, measure or FirstNumber())
    return said.probability.tobytes() + said.distance.tobytes()


def overlays(folder, pictures, net, bar, told=None):
    units = work_in(folder, pictures, told).overlays("stage1", [net, net], WAY, ASKED, bar)
    return {name: unit.path(name).read_bytes() for unit in units for name in unit.manifest.files}


def kept_in(folder):
    """The kept files, but manifests, each with what changes when it is written again."""
    return {
        path: (path.stat().st_ino, path.stat().st_mtime_ns)
        for path in folder.glob("*/*/*")
        if path.name != "manifest.json" and not path.parent.name.startswith(".")
    }


def test_scores_are_those_of_all_pictures_at_once(tmp_path, pictures, net):
    bar = Bar()
    found = scores(tmp_path, pictures, net, bar)
    assert found == score_pictures(net, pictures, np.arange(10), WAY).probability.tobytes()
    assert bar.shown == [(0, 10), (2, 10), (4, 10), (6, 10), (8, 10), (10, 10)]


def test_overlays_are_one_for_each_that_was_asked_for(tmp_path, pictures, net):
    bar = Bar()
    found = overlays(tmp_path, pictures, net, bar)
    assert list(found) == [f"picture {number}_stage1.png" for number in range(1, 10)]
    assert bar.shown == [(0, 9), (4, 9), (8, 9), (9, 9)]
    nothing = Asked(np.zeros(0, np.int64), np.zeros(0, np.int64), [])
    assert work_in(tmp_path, pictures).overlays("stage2", [net], WAY, nothing, bar) == []


@pytest.mark.parametrize("what", [scores, distances, overlays])
@pytest.mark.parametrize("after", [1, 2, 3, 4])
def test_stopped_anywhere_it_goes_on_to_the_same_bytes_and_redoes_nothing(
    tmp_path, pictures, net, what, after
):
    unbroken, whole, broken = Bar(), tmp_path / "whole", tmp_path / "broken"
    expected = what(whole, pictures, net, unbroken)
    with pytest.raises(Stopped):
        what(broken, pictures, net, Bar(stops_after=after))
    kept = kept_in(broken)
    bar = Bar()
    assert what(broken, pictures, net, bar) == expected
    assert kept.items() <= kept_in(broken).items()
    assert bar.shown == unbroken.shown[unbroken.shown.index(bar.shown[0]) :]
    again = Bar()
    assert what(broken, pictures, net, again) == expected
    assert again.shown == unbroken.shown[-1:]


@pytest.mark.parametrize("what", [scores, distances, overlays])
def test_one_damaged_piece_is_made_anew_whole_and_no_other(tmp_path, pictures, net, what):
    expected = what(tmp_path, pictures, net, Bar())
    kept = kept_in(tmp_path)
    damaged = sorted(kept)[5 if what is overlays else 1]
    data = bytearray(damaged.read_bytes())
    data[-9] ^= 4
    damaged.write_bytes(data)
    told = []
    assert what(tmp_path, pictures, net, Bar(), told) == expected
    assert told == [f"WARNING: {damaged.parent} is damaged; it is made anew."]
    now = kept_in(tmp_path)
    assert {path for path in kept if kept[path] != now[path]} == {
        path for path in kept if path.parent == damaged.parent
    }


def test_other_classes_are_drawn_anew(tmp_path, pictures, net):
    first = overlays(tmp_path, pictures, net, Bar())
    for other in (replace(ASKED, classes=1 - CLASSES), replace(ASKED, words=["else"] * 9)):
        work = work_in(tmp_path, pictures)
        units = work.overlays("stage1", [net, net], WAY, other, Bar())
        now = {n: u.path(n).read_bytes() for u in units for n in u.manifest.files}
        assert now.keys() == first.keys()
        assert now != first


def test_distances_are_of_the_embeddings_and_another_measure_measures_anew(tmp_path, pictures, net):
    embedding = score_pictures(net, pictures, np.arange(10), WAY).embedding
    work = work_in(tmp_path, pictures)
    said = work.scores("fold_0", net, WAY, Bar(), FirstNumber())
    assert said.distance.tolist() == embedding[:, 0].tolist()
    assert work.scores("fold_0", net, WAY, Bar()).distance is None
    again, other = Bar(), FirstNumber("other")
    other.far = lambda embeddings: np.full(len(embeddings), 7.0)
    assert work.scores("fold_0", net, WAY, again, other).distance.tolist() == [7.0] * 10
    assert again.shown[0] == (0, 10)


def test_batches_side_by_side_answer_to_the_bit_as_one_after_another(pictures, net):
    places, threads = np.arange(len(pictures)), set()
    handle = net.backbone.register_forward_hook(
        lambda *_: threads.add((threading.get_ident(), torch.get_num_threads()))
    )
    shown = []
    try:
        several = score_pictures(
            net, pictures, places, replace(WAY, side_by_side=3), lambda *at: shown.append(at)
        )
    finally:
        handle.remove()
    one = score_pictures(net, pictures, places, WAY)
    assert several.probability.tobytes() == one.probability.tobytes()
    assert several.embedding.tobytes() == one.embedding.tobytes()
    assert shown == [(done, 10) for done in (2, 4, 6, 8, 10)]
    assert threading.get_ident() not in {thread for thread, _ in threads}
    assert {count for _, count in threads} == {1}  # as the thread that asks


def test_an_error_of_a_batch_side_by_side_is_raised_and_ends_its_threads(pictures, net):
    def fail(*_):
        raise ValueError("our own mistake")

    handle = net.backbone.register_forward_hook(fail)
    try:
        with pytest.raises(ValueError, match="our own mistake"):
            score_pictures(net, pictures, np.arange(10), replace(WAY, side_by_side=2))
    finally:
        handle.remove()
    assert not [one for one in threading.enumerate() if one.name.startswith("network")]
