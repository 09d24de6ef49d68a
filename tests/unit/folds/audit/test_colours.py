"""Colours read back from keys are those of the pictures."""

import numpy as np
import pytest

from folds.audit.colours import mean_colours
from folds.audit.fingerprint import fingerprint


def key_of(pixels):
    return fingerprint(np.asarray(pixels, np.uint8)).key


def test_a_plain_picture_has_its_own_colour():
    plain = np.full((40, 60, 3), (200, 120, 90))
    dark = np.zeros((40, 40, 3))
    found = mean_colours(np.stack([key_of(plain), key_of(dark)]))
    assert found[0] == pytest.approx([200, 120, 90], abs=0.01)
    assert found[1] == pytest.approx([8, 8, 8], abs=0.01)  # darker than can be told


def test_a_picture_of_many_colours_has_their_mean():
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3))
    [found] = mean_colours(key_of(pixels)[None])
    assert found == pytest.approx(pixels.reshape(-1, 3).mean(axis=0), abs=0.5)  # 2 x 2 are rounded
