"""What the naive baselines see of a picture."""

import numpy as np
import pytest

from models.distill.simple import NAMES, simple_row


def test_size_colours_their_shares_and_the_middle():
    pixels = np.zeros((8, 12, 3), np.uint8)
    pixels[2:6, 3:9, 0] = 200  # the middle half of each side
    row = dict(zip(NAMES, simple_row(b"12345", pixels), strict=True))
    assert (row["height"], row["width"], row["bytes"]) == (8, 12, 5)
    assert row["mean_r"] == pytest.approx(200 / 4)
    assert (row["share_r_0"], row["share_r_6"]) == (0.75, 0.25)  # 200 // 32
    assert sum(row[f"share_g_{b}"] for b in range(8)) == row["share_g_0"] == 1
    assert row["middle_r"] == pytest.approx(200 - 50)
    assert row["middle_b"] == 0


def test_a_picture_of_one_pixel_has_a_middle_too():
    row = dict(zip(NAMES, simple_row(b"", np.full((1, 1, 3), 255, np.uint8)), strict=True))
    assert row["share_b_7"] == 1
    assert row["middle_r"] == 0
