"""Checks 69 to 71: batches hang on seed, epoch and id alone, and nobody waits for a dead worker."""

import threading
import time

import numpy as np
import pytest
import torch

from folds.images import ImageReader
from models.input.config import SECOND
from models.input.loader import Piece, _repeats, batches
from models.input.pictures import Pictures
from models.input.transforms import make_transform
from workspace.errors import DataError

PLAN = [np.array(batch) for batch in ([3, 1, 2], [1, 1, 30], [39, 0], [2], [7, 8, 9], [10, 3, 3])]


@pytest.fixture(params=["fast", "exact"])
def transform(request, statistics):
    return make_transform(SECOND.model_copy(update={"kind": request.param}), 48, *statistics)


@pytest.fixture
def fast(statistics):
    return make_transform(SECOND, 48, *statistics)


def loaders():
    return [thread for thread in threading.enumerate() if thread.name.startswith("loader")]


def same(one, other):
    return (
        torch.equal(one.pixels, other.pixels)
        and torch.equal(one.draws, other.draws)
        and np.array_equal(one.indices, other.indices)
    )


def test_check_69_workers_do_not_matter(make_pictures, transform):
    alone = list(batches(make_pictures(), transform, PLAN, seed=5, epoch=1))
    assert [len(batch.indices) for batch in alone] == [3, 3, 2, 1, 3, 3]
    assert alone[0].pixels.shape == (3, 3, 48, 48)
    assert alone[0].pixels.dtype == torch.uint8
    for workers, memory_gb in ((1, 0.0), (2, 0.1), (4, 0.0)):
        pictures = make_pictures(memory_gb=memory_gb)
        got = list(batches(pictures, transform, PLAN, seed=5, epoch=1, workers=workers))
        assert all(same(*pair) for pair in zip(alone, got, strict=True))
    assert loaders() == []


@pytest.mark.parametrize("workers", [0, 2])
def test_a_later_start_gives_the_very_same_batches(make_pictures, fast, workers):
    whole = list(batches(make_pictures(), fast, PLAN, seed=5, epoch=1))
    for start in (0, 2, 5, 6):
        pieces = [Piece(number) for number in range(start, 6)]
        rest = list(
            batches(make_pictures(), fast, PLAN, seed=5, epoch=1, workers=workers, pieces=pieces)
        )
        assert all(same(*pair) for pair in zip(whole[start:], rest, strict=True))


def test_other_batches_and_orders_show_an_image_alike(make_pictures, fast):
    """A showing hangs on the id and its count within the epoch, not on where it stands."""

    def showings(plan):
        seen = {}
        for batch in batches(make_pictures(), fast, plan, seed=5, epoch=1):
            for index, pixels in zip(batch.indices.tolist(), batch.pixels, strict=True):
                seen[index, sum(p == index for p, _ in seen)] = pixels
        return seen

    one = showings(PLAN)
    slots = np.concatenate(PLAN)
    other = showings(np.array_split(np.random.default_rng(0).permutation(slots), 4))
    assert one.keys() == other.keys()
    assert len(one) == len(slots)
    assert all(torch.equal(one[key], other[key]) for key in one)


def test_check_71_no_twins_within_an_epoch_and_none_between_epochs(transform, make_pictures):
    same_picture = Pictures(
        make_pictures()._reader,
        [f"ISIC_{n:07d}" for n in range(60)],
        ["image/ISIC_0000003.jpg"] * 60,
        0.1,
    )
    plan = list(np.arange(60).repeat(2).reshape(10, 12))
    epochs = [
        torch.cat(
            [b.pixels for b in batches(same_picture, transform, plan, seed=0, epoch=e, workers=2)]
        )
        for e in (0, 1)
    ]
    shown = [row.numpy().tobytes() for epoch in epochs for row in epoch]
    assert len(set(shown)) == 240
    seeds = [
        next(batches(same_picture, transform, plan, seed=seed, epoch=0)).pixels for seed in (0, 1)
    ]
    assert (seeds[0] != seeds[1]).flatten(1).any(1).float().mean() >= 0.95


def test_repeats_are_counted_over_the_whole_epoch():
    assert [list(counts) for counts in _repeats(PLAN)] == [
        [0, 0, 0],
        [1, 2, 0],
        [0, 0],
        [1],
        [0, 0, 0],
        [0, 1, 2],
    ]
    assert _repeats([]) == []


@pytest.mark.parametrize("workers", [0, 2])
def test_an_empty_plan_is_no_batches(make_pictures, fast, workers):
    assert list(batches(make_pictures(), fast, [], seed=0, epoch=0, workers=workers)) == []


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_a_damaged_image_is_said_by_its_id(tmp_path, crops, fast, workers):
    whole = (crops / "image" / "ISIC_0000000.jpg").read_bytes()
    names = [f"ISIC_{n:07d}" for n in range(30)]
    for n, name in enumerate(names):
        (tmp_path / f"{name}.jpg").write_bytes(whole[:300] if n == 17 else whole)
    pictures = Pictures(
        ImageReader(tmp_path), names, [f"{name}.jpg" for name in names], memory_gb=0.0
    )
    plan = list(np.arange(30).reshape(10, 3))
    with pytest.raises(DataError) as refused:
        list(batches(pictures, fast, plan, seed=0, epoch=0, workers=workers))
    assert str(refused.value) == "Image ISIC_0000017 is damaged and cannot be decoded."
    assert refused.value.__notes__ == ["while preparing image ISIC_0000017"]
    assert loaders() == []


FAILING = threading.Event()


class Slow:
    """A transform that fails on one picture at once and takes its time on others."""

    size, draws = 8, 0

    def show(self, pixels, stream):
        if pixels.shape[0] == 70 + 3 * 5:  # the picture of index 5
            FAILING.set()
            raise ZeroDivisionError
        time.sleep(0.02)
        return np.zeros((8, 8, 3), np.uint8), np.zeros(0, np.float32)

    def finish(self, pixels, draws):
        return pixels.float()


def test_a_later_failure_surfaces_before_its_turn(make_pictures):
    """Whoever trains for a minute a batch hears of the error now."""
    plan = [np.array([0] * 10), np.array([1] * 10), np.array([2] * 10), np.array([5])]
    made = batches(make_pictures(), Slow(), plan, seed=0, epoch=0, workers=3)
    next(made)
    assert FAILING.wait(30)
    time.sleep(0.1)  # from there to the future that holds the error
    with pytest.raises(ZeroDivisionError):
        next(made)
    assert loaders() == []


def test_leaving_early_leaves_no_thread_and_does_not_finish_the_work(make_pictures):
    plan = [np.full(50, index) for index in (0, 1, 2, 3, 4, 6)]
    made = batches(make_pictures(), Slow(), plan, seed=0, epoch=0, workers=2)
    assert len(loaders()) == 0  # nothing starts before the first batch is asked for
    next(made)
    assert len(loaders()) == 2
    made.close()
    assert loaders() == []


def test_work_goes_ahead_by_a_bounded_number_of_batches(make_pictures, fast, monkeypatch):
    pictures = make_pictures()
    asked = []
    fetch = pictures.pixels
    monkeypatch.setattr(pictures, "pixels", lambda index: asked.append(index) or fetch(index))
    made = batches(pictures, fast, [np.array([n]) for n in range(40)], seed=0, epoch=0, workers=2)
    next(made)
    time.sleep(0.2)
    assert len(asked) <= 2 + 2
    made.close()
