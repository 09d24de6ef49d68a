import numpy as np
import pytest

from models.pixels import normalise
from workspace.errors import DataError

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def test_pixels_are_normalised_as_written_out():
    pixels = np.array([[[0, 128, 255]]], np.uint8)
    by_hand = [(p / 255 - m) / s for p, m, s in zip((0, 128, 255), MEAN, STD, strict=True)]
    got = normalise(pixels, MEAN, STD)
    assert got.dtype == np.float32
    assert got[0, 0].tolist() == pytest.approx(by_hand, abs=1e-6)


def test_check_36_floats_are_refused_since_they_were_divided_before():
    with pytest.raises(DataError) as refused:
        normalise(np.full((2, 2, 3), 0.5, np.float32), MEAN, STD)
    assert str(refused.value) == (
        "Pixels must be uint8 from 0 to 255; got float32 from 0.5 to 0.5, which looks normalised "
        "already. Hand on decoded pixels."
    )
