"""Checks 27 and 122: one deterministic transform, the same whichever way an image comes to it."""

import numpy as np
import pytest
import torch

from models.input.config import FIRST
from models.input.evaluation import EvaluationTransform, resize
from models.input.exact import al
from models.input.loader import batches
from models.input.pixels import normalise
from models.input.stream import stream_of
from models.input.transforms import make_transform


@pytest.mark.parametrize(
    "shape", [(1, 1), (1, 500), (500, 1), (5000, 20), (20, 5000), (2, 40000), (64, 64), (63, 65)]
)
def test_check_27_odd_shapes_become_squares(shape):
    pixels = np.full((*shape, 3), (10, 100, 200), np.uint8)
    got = resize(pixels, 64)
    assert got.shape == (64, 64, 3)
    assert (got == (10, 100, 200)).all()


def test_shrinking_takes_means_of_areas(make_lesion):
    pixels = make_lesion(96, 128)
    blocks = pixels.reshape(32, 3, 32, 4, 3).mean((1, 3))
    assert np.abs(resize(pixels, 32) - blocks).max() <= 0.51


def test_growing_interpolates_between_pixel_centres():
    ramp = np.repeat(np.array([0, 100], np.uint8)[None, :, None], 3, axis=2)
    assert resize(ramp, 4)[0, :, 0].tolist() == [0, 25, 75, 100]


def test_a_side_is_judged_by_itself(make_lesion):
    """Where one side shrinks and the other grows, neither falls back to the nearest pixel."""
    tall = make_lesion(300, 40)
    got = resize(tall, 100)
    shrunk = tall.reshape(100, 3, 40, 3).mean(1)
    assert np.abs(got[:, ::5] - resize(np.rint(shrunk).astype(np.uint8), 100)[:, ::5]).max() <= 1
    assert len(np.unique(got[50, :, 0])) > 20


@pytest.fixture
def transform(statistics):
    return EvaluationTransform(64, *statistics)


def finished(transform, batch):
    return transform.finish(batch.pixels, batch.draws)


def test_check_122_every_path_gives_one_tensor(make_pictures, transform, statistics, monkeypatch):
    crops = make_pictures()
    by_hand = [
        normalise(resize(crops.pixels(index), 64), *statistics).transpose(2, 0, 1)
        for index in range(40)
    ]
    wanted = torch.from_numpy(np.stack(by_hand))
    paths = {
        "batch of one": (crops, [np.array([index]) for index in range(40)], 0),
        "two threads": (crops, list(np.arange(40).reshape(8, 5)), 2),
        "kept": (make_pictures(memory_gb=0.1), list(np.arange(40).reshape(4, 10)), 0),
        "files": (make_pictures(form="image/{}.jpg"), [np.arange(40)], 1),
    }
    for name, (pictures, plan, workers) in paths.items():
        made = batches(pictures, transform, plan, seed=1, epoch=2, workers=workers)
        got = torch.cat([finished(transform, batch) for batch in made])
        assert (got - wanted).abs().max() <= 1e-6, name
    none = make_transform(FIRST.model_copy(update={"kind": "none"}), 64, *statistics)
    assert none == transform


def test_the_stream_is_not_touched_and_the_seed_does_not_matter(transform, make_lesion):
    streams = [stream_of(seed, 0, "a") for seed in (0, 1)]
    shown = [transform.show(make_lesion(), stream)[0] for stream in streams]
    assert np.array_equal(*shown)
    assert streams[0].random() == stream_of(0, 0, "a").random()


def test_the_training_library_shrinks_alike(make_lesion):
    pixels = make_lesion(300, 260)
    theirs = al.Resize(64, 64, area_for_downscale="image")(image=pixels)["image"]
    assert np.array_equal(theirs, resize(pixels, 64))
