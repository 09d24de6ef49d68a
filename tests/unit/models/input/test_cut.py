"""A part of the picture instead of the whole, pictures without colour, and the one trap."""

import numpy as np
import pytest
from timm.data import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD

from models.input.colour import grey
from models.input.config import AugmentConfig
from models.input.geometry import LONGER, cut
from models.input.pixels import normalise
from models.input.transforms import make_transform
from workspace.errors import ConfigError

STILL = {
    f"{name}_p": 0.0
    for name in (
        "gray_world", "clahe", "horizontal_flip", "vertical_flip", "rotation", "affine",
        "perspective", "jitter", "noise",
    )
}  # fmt: skip
NUMBERED = np.arange(60 * 80 * 3, dtype=np.uint32).reshape(60, 80, 3)


def config(**values):
    return AugmentConfig(**{**STILL, "area_low": 0.2, "area_high": 0.6, **values})


def parts(asked, count=400):
    stream = np.random.default_rng(0)
    return [cut(asked, NUMBERED, stream) for _ in range(count)]


def test_parts_have_the_areas_and_the_shapes_that_are_asked_for():
    shares = [(part.shape[0] / 60, part.shape[1] / 80) for part in parts(config())]
    areas = np.array([high * wide for high, wide in shares])
    assert 0.18 < areas.min() < areas.max() < 0.62
    assert np.quantile(areas, [0.25, 0.75]) == pytest.approx([0.3, 0.5], abs=0.03)  # evenly
    longer = np.log([wide / high for high, wide in shares])
    assert np.abs(longer).max() < LONGER + 0.1
    assert np.mean(longer) == pytest.approx(0, abs=0.03)


def test_parts_lie_everywhere_and_are_the_picture_there():
    starts = [
        (int(part[0, 0, 0]) // 3 // 80, int(part[0, 0, 0]) // 3 % 80) for part in parts(config())
    ]
    for part, (top, left) in zip(parts(config()), starts, strict=True):
        height, width = part.shape[:2]
        assert np.array_equal(part, NUMBERED[top : top + height, left : left + width])
    ends = [top + part.shape[0] for part, (top, _) in zip(parts(config()), starts, strict=True)]
    assert min(top for top, _ in starts) == 0
    assert max(ends) == 60


def test_a_part_as_large_as_the_picture_is_the_picture_where_it_would_be_longer():
    whole = config(area_low=0.999, area_high=1.0)
    assert {part.shape[:2] for part in parts(whole, 50)} <= {
        (high, wide) for high in range(51, 61) for wide in range(68, 81)
    }
    assert cut(whole, NUMBERED[:1, :1], np.random.default_rng(0)).shape == (1, 1, 3)


@pytest.mark.parametrize("kind", ["fast", "exact"])
def test_both_kinds_show_the_same_part(kind):
    pixels = np.random.default_rng(1).integers(0, 256, (90, 120, 3), np.uint8)
    pixels = np.repeat(np.repeat(pixels[::6, ::6], 6, 0), 6, 1)  # large squares: nothing aliases
    shown = make_transform(config(kind=kind), 48, (0.5,) * 3, (0.5,) * 3)
    picture, _ = shown.show(pixels, np.random.default_rng(5))
    assert picture.shape == (48, 48, 3)
    assert picture.std() > 20


def test_others_draw_as_before():
    pixels = np.random.default_rng(1).integers(0, 256, (90, 120, 3), np.uint8)
    old = make_transform(AugmentConfig(), 48, (0.5,) * 3, (0.5,) * 3)
    same = make_transform(AugmentConfig(area_low=1.0, grey_p=0.0), 48, (0.5,) * 3, (0.5,) * 3)
    one, other = (t.show(pixels, np.random.default_rng(5))[0] for t in (old, same))
    assert np.array_equal(one, other)
    assert not {"area_low", "area_high", "grey_p", "trap"} & AugmentConfig().settings().keys()
    assert config(grey_p=0.2).settings()["grey_p"] == 0.2


@pytest.mark.parametrize("kind", ["fast", "exact"])
def test_grey_pictures_have_no_colour_and_their_own_brightness(kind):
    pixels = np.random.default_rng(1).integers(0, 256, (48, 48, 3), np.uint8)
    still = AugmentConfig(**STILL, kind=kind, resize_px=224, grey_p=1.0)
    picture, _ = make_transform(still, 48, (0.5,) * 3, (0.5,) * 3).show(
        pixels, np.random.default_rng(0)
    )
    assert np.array_equal(picture[..., 0], picture[..., 1])
    assert np.array_equal(picture[..., 0], picture[..., 2])
    assert np.array_equal(picture, grey(pixels))
    wanted = pixels.astype(float) @ (0.299, 0.587, 0.114)
    assert np.abs(picture[..., 0] - wanted).max() <= 1


def test_the_trap_is_imagenets_normalisation_in_training_alone():
    pixels = np.random.default_rng(1).integers(0, 256, (28, 28, 3), np.uint8)
    trapped = AugmentConfig(**STILL, resize_px=224, trap="other_normalisation")
    transform = make_transform(trapped, 28, (0.0,) * 3, (1.0,) * 3)
    assert tuple(transform.mean) == IMAGENET_DEFAULT_MEAN
    assert tuple(transform.std) == IMAGENET_DEFAULT_STD
    plain = make_transform(AugmentConfig(**STILL), 28, (0.0,) * 3, (1.0,) * 3)
    assert np.array_equal(normalise(pixels, plain.mean, plain.std), pixels / np.float32(255))


def test_the_trap_is_refused_where_it_is_none():
    trapped = AugmentConfig(trap="other_normalisation")
    with pytest.raises(ConfigError) as refused:
        make_transform(trapped, 28, IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD)
    assert str(refused.value) == (
        "augment.trap='other_normalisation' normalises training pictures as ImageNet's are, and "
        "this network normalises all so; leave it out."
    )
    with pytest.raises(ValueError, match="trap changes nothing where kind='none'"):
        AugmentConfig(kind="none", trap="other_normalisation")
