import numpy as np
import pytest

from models.input.gray_world import gray_world


def slowly(pixels):
    """Pixel by pixel, channel by channel, in double precision."""
    means = [float(np.mean(pixels[..., c], dtype=np.float64)) for c in range(3)]
    middle = sum(means) / 3
    out = np.zeros_like(pixels)
    for index in np.ndindex(pixels.shape):
        level = pixels[index] * (middle / means[index[2]] if means[index[2]] else 1.0)
        out[index] = min(255, max(0, round(level)))
    return out


@pytest.mark.parametrize("seed", range(4))
def test_as_the_slow_twin_up_to_the_rounding_of_halves(make_lesion, seed):
    pixels = make_lesion(31, 23, seed)
    before = pixels.copy()
    got, slow = gray_world(pixels), slowly(pixels)
    assert np.abs(got.astype(int) - slow).max() <= 1
    assert (got != slow).mean() < 0.02
    assert np.array_equal(pixels, before)


def test_the_means_become_equal(make_lesion):
    pixels = make_lesion()
    assert np.ptp(pixels.mean((0, 1))) > 30
    assert np.ptp(gray_world(pixels).mean((0, 1))) < 1


def test_a_channel_without_light_stays_dark():
    pixels = np.zeros((4, 5, 3), np.uint8)
    assert not gray_world(pixels).any()
    pixels[..., 0] = 90
    got = gray_world(pixels)
    assert set(got[..., 0].ravel()) == {30}
    assert not got[..., 1:].any()
