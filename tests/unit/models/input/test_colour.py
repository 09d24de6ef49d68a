import cv2
import numpy as np
import pytest

from models.input.colour import STEPS, draw_jitter, jitter, jitter_matrix
from models.input.config import FIRST
from models.input.exact import al


def slowly(pixels, steps):
    """One step after the other on floats, each as it is defined."""
    levels = pixels.astype(np.float64)
    for step, value in steps:
        grey = levels @ (0.299, 0.587, 0.114)
        if step == "brightness":
            levels = levels * value
        elif step == "contrast":
            levels = value * levels + (1 - value) * grey.mean()
        elif step == "saturation":
            levels = value * levels + (1 - value) * grey[..., None]
        else:
            levels = turned(levels, 2 * np.pi * value)
    return levels


def turned(levels, angle):
    """Rodrigues' rotation about the grey axis."""
    axis = np.full(3, 3**-0.5)
    along = (levels @ axis)[..., None] * axis
    return (
        levels * np.cos(angle)
        + np.cross(np.broadcast_to(axis, levels.shape), levels) * np.sin(angle)
        + along * (1 - np.cos(angle))
    )


@pytest.mark.parametrize("seed", range(10))
def test_one_matrix_does_what_four_steps_do(make_lesion, seed):
    pixels = make_lesion(40, 50, seed)
    steps = draw_jitter(FIRST, np.random.default_rng(seed))
    matrix = jitter_matrix(steps, pixels.mean((0, 1)))
    slow = slowly(pixels, steps)
    assert np.abs(pixels @ matrix[:, :3].T + matrix[:, 3] - slow).max() < 1e-9
    assert np.abs(jitter(pixels, steps) - np.clip(slow, 0, 255)).max() < 1.01


LIBRARY = {"brightness": (1, 1), "contrast": (1, 1), "saturation": (1, 1), "hue": (0, 0)}


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("sign", [-1, 1])
def test_each_step_is_the_librarys(make_lesion, step, sign):
    pixels = (make_lesion(60, 60) * 0.8).astype(np.uint8)  # nothing clips
    value = sign * 0.02 if step == "hue" else 1 + sign * 0.2
    theirs = al.ColorJitter(**{**LIBRARY, step: (value, value)}, p=1)(image=pixels)["image"]
    ours = jitter(pixels, [(step, value)])
    assert not np.array_equal(ours, pixels)
    difference = ours.astype(float) - theirs
    if step != "hue":
        assert np.abs(difference).max() <= 2
    else:  # they keep the largest channel, we the mean of all three
        assert np.abs(difference).max() <= 8
        colour = difference - difference.mean(-1, keepdims=True)
        assert np.abs(colour).mean() < 1.5


def test_draws_keep_to_the_table_in_every_order():
    stream = np.random.default_rng(0)
    drawn = [draw_jitter(FIRST, stream) for _ in range(2000)]
    assert len({tuple(step for step, _ in steps) for steps in drawn}) == 24
    for step in STEPS:
        values = np.array([dict(steps)[step] for steps in drawn])
        middle, reach = (0, 0.02) if step == "hue" else (1, 0.2)
        assert np.abs(values - middle).max() <= reach
        assert values.mean() == pytest.approx(middle, abs=reach * 0.06)
        assert values.std() == pytest.approx(reach / 3**0.5, rel=0.05)


def test_a_grey_picture_stays_grey_under_hue_and_saturation():
    grey = cv2.merge([np.arange(0, 250, dtype=np.uint8)[None]] * 3)
    assert np.array_equal(jitter(grey, [("hue", 0.3), ("saturation", 0.5)]), grey)
