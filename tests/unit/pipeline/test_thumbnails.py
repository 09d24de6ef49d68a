import base64

import numpy as np
import pytest

from folds.decoding import decode
from pipeline.thumbnails import thumbnail


@pytest.mark.parametrize(
    ("size", "small"),
    [((40, 80), (10, 20)), ((80, 40), (20, 10)), ((8, 16), (8, 16)), ((200, 1), (20, 1))],
)
def test_the_longer_side_is_brought_down_and_never_up(size, small):
    pixels = np.full((*size, 3), (200, 120, 90), np.uint8)
    kind, _, data = thumbnail(pixels, 20, 90).partition(",")
    assert kind == "data:image/jpeg;base64"
    found = decode(base64.b64decode(data), "small")
    assert found.shape[:2] == small
    assert found.mean(axis=(0, 1)) == pytest.approx([200, 120, 90], abs=3)
