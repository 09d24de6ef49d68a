"""A fingerprint hardly changes under what makes a copy, and exists for any picture."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from folds.audit.fingerprint import (
    KEY_SIZE,
    THUMB_SHAPE,
    blur_matrix,
    cosine_matrix,
    fingerprint,
    local_contrast,
)

Pixels = NDArray[np.uint8]


def skin(seed: int, side: int = 128) -> Pixels:
    """A blob on skin with pores: coarse noise for the shape, fine noise for the texture."""
    rng = np.random.default_rng(seed)
    picture = np.empty((side, side, 3), np.float32)
    picture[:] = rng.uniform((170, 130, 110), (220, 170, 150))
    for cells, strength in ((4, 8), (12, 12), (24, 12)):
        noise = rng.normal(0, strength, (cells, cells)).astype(np.float32)
        picture += cv2.resize(noise, (side, side), interpolation=cv2.INTER_CUBIC)[..., None]
    y, x = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    blob = np.exp(-((x * rng.uniform(2, 4)) ** 2) - (y * rng.uniform(2, 4)) ** 2)
    picture -= (blob[..., None] * rng.uniform(40, 90, 3)).astype(np.float32)
    return np.clip(picture, 0, 255).astype(np.uint8)


def distance(one: Pixels, other: Pixels) -> float:
    return float(np.linalg.norm(fingerprint(one).key - fingerprint(other).key))


@pytest.mark.parametrize(
    "turned",
    [
        lambda p: p[:, ::-1],
        lambda p: p[::-1],
        lambda p: np.rot90(p, 1),
        lambda p: np.rot90(p, 2),
        lambda p: np.rot90(p, 3),
        lambda p: p.transpose(1, 0, 2),
    ],
)
def test_key_is_the_same_for_a_mirrored_or_turned_picture(
    turned: Callable[[Pixels], Pixels],
) -> None:
    picture = skin(1)
    assert distance(picture, np.ascontiguousarray(turned(picture))) < 1.0
    assert distance(picture, turned(picture)) < 1.0  # a view with strides will do, too


@pytest.mark.parametrize("seed", range(5))
def test_key_of_a_copy_is_nearer_than_that_of_any_other(seed: int) -> None:
    picture = skin(seed)
    shifted = np.ascontiguousarray(picture[3:, 2:])
    others = [distance(picture, skin(other)) for other in range(10, 30)]
    assert distance(picture, shifted) < min(others)
    smaller = cv2.resize(picture, (64, 64), interpolation=cv2.INTER_AREA)
    assert distance(picture, np.asarray(smaller, np.uint8)) < 3


def test_key_moves_by_the_wobble_when_the_light_does() -> None:
    picture = skin(3)
    brighter = np.clip(picture * 1.03, 0, 255).astype(np.uint8)
    assert 0.5 < distance(picture, brighter) < 5


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (500, 1), (3, 40), (31, 33), (700, 900)])
def test_any_size_has_a_finite_fingerprint(shape: tuple[int, int]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    seen = fingerprint(pixels)
    assert seen.key.shape == (KEY_SIZE,)
    assert seen.key.dtype == np.float32
    assert np.isfinite(seen.key).all()
    assert seen.thumb.shape == THUMB_SHAPE
    assert seen.thumb.dtype == np.uint8


@pytest.mark.parametrize("level", [0, 1, 128, 255])
def test_constant_pictures_have_no_texture_and_the_grey_they_show(level: int) -> None:
    seen = fingerprint(np.full((50, 70, 3), level, np.uint8))
    assert np.isfinite(seen.key).all()
    assert (seen.thumb == level).all()
    assert np.abs(seen.key[:-3]).max() < 0.1


def test_long_axis_is_averaged_although_the_short_one_grows() -> None:
    stripes = np.zeros((1, 640, 3), np.uint8)
    stripes[:, ::2] = 200
    assert np.abs(fingerprint(stripes).thumb.astype(int) - 100).max() <= 1


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((5, 5), np.uint8),
        np.zeros((5, 5, 4), np.uint8),
        np.zeros((0, 5, 3), np.uint8),
        np.zeros((5, 5, 3), np.float32),
    ],
)
def test_anything_but_colour_bytes_is_refused(wrong: NDArray[np.generic]) -> None:
    with pytest.raises(ValueError, match=r"expected \(H, W, 3\) uint8 pixels"):
        fingerprint(wrong)


def test_blur_matrix_is_opencv_s_gaussian() -> None:
    picture = np.random.default_rng(0).normal(0, 1, (32, 32)).astype(np.float32)
    blur = blur_matrix(2.0)
    expected = cv2.GaussianBlur(picture, (19, 19), 2.0, borderType=cv2.BORDER_REFLECT)
    assert np.allclose(blur @ picture @ blur.T, expected, atol=1e-5)
    assert np.allclose(blur.sum(axis=1), 1)


def test_cosine_matrix_is_opencv_s_transform() -> None:
    picture = np.random.default_rng(0).normal(0, 1, (32, 32)).astype(np.float32)
    cosines = cosine_matrix(8)
    assert np.allclose(cosines @ picture @ cosines.T, cv2.dct(picture)[:8, :8], atol=1e-4)


def test_local_contrast_makes_faint_and_strong_texture_alike() -> None:
    noise = np.random.default_rng(0).normal(0, 1, (2, 32, 32)).astype(np.float32)
    blurs = blur_matrix(0.7), blur_matrix(2.0)
    noise[1] = noise[0] * 4
    contrast = local_contrast(noise * 20, *blurs)
    assert 0.9 < contrast[0].std() / contrast[1].std() <= 1
