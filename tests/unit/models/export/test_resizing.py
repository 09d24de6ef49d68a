"""The resize as tensor operations against OpenCV's: the same grey levels, but at a tie."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from models.export.resizing import Resized
from models.input.evaluation import resize, shrink

side = st.integers(1, 120)
seed = st.integers(0, 2**32 - 1)


def picture(height, width, number):
    return np.random.default_rng(number).integers(0, 256, (height, width, 3)).astype(np.uint8)


def ours(pixels, size):
    return Resized(size)(torch.from_numpy(pixels)).numpy()


@pytest.mark.parametrize(
    ("shape", "size"),
    [
        ((64, 64), 32), ((96, 96), 32), ((60, 80), 20), ((130, 64), 64), ((64, 128), 64),
        ((200, 30), 100), ((28, 28), 32), ((28, 28), 64), ((34, 36), 64), ((100, 90), 112),
        ((3, 2), 224), ((1, 1), 32), ((64, 10), 64), ((5000, 20), 64), ((20, 5000), 64),
        ((2, 40000), 64), ((64, 64), 64), ((63, 65), 64), ((450, 600), 112),
    ],
)  # fmt: skip
def test_check_122_every_pixel_is_opencv_s(shape, size):
    pixels = picture(*shape, 0)
    assert np.array_equal(ours(pixels, size), resize(pixels, size))


def test_a_thousandth_of_a_pixel_counts_for_nothing():
    """As in OpenCV: of 1752 rows the fourth of 1001 would have .000999 of a fourth one."""
    pixels = picture(1752, 900, 0)
    differs = ours(pixels, 1001)[3] != resize(pixels, 1001)[3]
    assert differs.mean() < 0.01  # ties; with it .06


def overlaps(count, size):
    """(size, count): of each line that comes out, how much it has of each that goes in."""
    each = count / size
    low = np.maximum(np.arange(size)[:, None] * each, np.arange(count))
    high = np.minimum((np.arange(size)[:, None] + 1) * each, np.arange(count) + 1)
    return np.maximum(high - low, 0)


@settings(max_examples=150, deadline=None)
@given(size=st.integers(1, 40), height=side, width=side, number=seed)
def test_a_picture_that_shrinks_differs_at_ties_alone(size, height, width, number):
    height, width = height + size, width + size
    pixels = picture(height, width, number)
    got, theirs = ours(pixels, size), resize(pixels, size).astype(np.float32)
    rows, columns = overlaps(height, size), overlaps(width, size)
    exact = np.einsum("ih,hjc->ijc", rows, np.einsum("jw,hwc->hjc", columns, pixels * 1.0))
    exact *= size**2 / (height * width)
    differs = got != theirs
    assert np.abs(got - theirs).max() <= 1
    assert (np.abs(exact - np.floor(exact) - 0.5)[differs] < 1e-3).all()
    assert np.abs(got - exact).max() <= 0.5 + 1e-3


@settings(max_examples=150, deadline=None)
@given(size=st.integers(16, 100), height=side, width=side, number=seed)
def test_a_side_that_grows_is_opencv_s_to_the_grey_level(size, height, width, number):
    """One side may shrink: a tie there may move a level, and whatever is spread from it."""
    pixels = picture(height, width, number)
    got, theirs = ours(pixels, size), resize(pixels, size).astype(np.float32)
    if max(height, width) <= size:
        assert np.array_equal(got, theirs)
    else:
        assert np.abs(got - theirs).max() <= 2  # two ties, and what OpenCV cuts off
        shrunk = shrink(pixels, size)  # with no tie before it
        assert np.array_equal(ours(shrunk, size), theirs)
