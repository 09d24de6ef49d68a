import os
import threading

import numpy as np
import pytest

from models.input import exact
from models.input.config import FIRST, SECOND, AugmentConfig
from models.input.exact import ExactTransform
from models.input.gray_world import gray_world
from models.input.stream import stream_of

ORDER = (
    "_Resize RandomCrop _GrayWorld _Clahe HorizontalFlip VerticalFlip Rotate Affine _Perspective "
    "ColorJitter _Hair GaussNoise"
)
OFF = {name: 0.0 for name in AugmentConfig.model_fields if name.endswith("_p")}


@pytest.fixture
def transform(statistics):
    return ExactTransform(SECOND, 64, *statistics)


def test_the_order_is_the_papers():
    steps = exact._steps(SECOND, 224)
    assert " ".join(type(step).__name__ for step in steps) == ORDER
    off = [step.p for step in exact._steps(AugmentConfig(**OFF), 224)]
    assert off == [1, 1.0, *[0.0] * 10]


def test_the_library_was_told_not_to_ask_the_network():
    assert os.environ["NO_ALBUMENTATIONS_UPDATE"] == "1"


def test_a_stream_decides_everything(transform, make_lesion):
    pixels = make_lesion()
    shown = [transform.show(pixels, stream_of(0, epoch, "a"))[0] for epoch in (0, 1, 0)]
    assert shown[0].shape == (64, 64, 3)
    assert np.array_equal(shown[0], shown[2])
    assert not np.array_equal(shown[0], shown[1])


def test_threads_do_not_share_a_stream(transform, make_lesion):
    pixels = make_lesion()
    alone = [transform.show(pixels, stream_of(0, 0, str(n)))[0] for n in range(40)]
    together = [None] * 40

    def work(first):
        for n in range(first, 40, 4):
            together[n] = transform.show(pixels, stream_of(0, 0, str(n)))[0]

    threads = [threading.Thread(target=work, args=(first,)) for first in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(*pair) for pair in zip(alone, together, strict=True))


@pytest.mark.parametrize("name", ["gray_world_p", "hair_p", "noise_p", "jitter_p", "clahe_p"])
def test_a_step_switched_on_alone_is_seen(name, make_lesion, statistics):
    pixels = make_lesion(64, 64)
    plain = AugmentConfig(**OFF, resize_px=64, crop_px=64)
    on = plain.model_copy(update={name: 1.0})
    still, changed = (
        ExactTransform(config, 64, *statistics).show(pixels, stream_of(0, 0, "a"))[0]
        for config in (plain, on)
    )
    assert np.array_equal(still, pixels)
    assert not np.array_equal(changed, pixels)
    if name == "gray_world_p":
        assert np.array_equal(changed, gray_world(pixels))


def test_noise_is_of_the_tables_size(make_lesion, statistics):
    config = AugmentConfig(**{**OFF, "noise_p": 1.0}, resize_px=64, crop_px=64)
    grey = np.full((64, 64, 3), 128, np.uint8)
    transform = ExactTransform(config, 64, *statistics)
    spreads = [transform.show(grey, stream_of(0, 0, str(n)))[0].std() for n in range(60)]
    assert 4.5 < min(spreads) < 6.5
    assert 13.5 < max(spreads) < 15.5


def test_the_first_stage_has_no_hair():
    assert exact._steps(FIRST, 224)[10].p == 0
