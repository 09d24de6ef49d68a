import numpy as np
import pytest
import torch

from models.input.pixels import normalise, normalise_batch
from workspace.errors import DataError

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def test_pixels_are_normalised_as_written_out():
    pixels = np.array([[[0, 128, 255]]], np.uint8)
    by_hand = [(p / 255 - m) / s for p, m, s in zip((0, 128, 255), MEAN, STD, strict=True)]
    got = normalise(pixels, MEAN, STD)
    assert got.dtype == np.float32
    assert got[0, 0].tolist() == pytest.approx(by_hand, abs=1e-6)


@pytest.mark.parametrize(("mean", "std"), [(MEAN, STD), ((0.5,) * 3, (0.5,) * 3)])
def test_batch_and_image_agree_for_every_level(mean, std):
    levels = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    batch = torch.from_numpy(levels.transpose(2, 0, 1)[None].copy())
    before = batch.clone()
    got = normalise_batch(batch, mean, std)
    assert got.dtype == torch.float32
    assert np.abs(got[0].numpy().transpose(1, 2, 0) - normalise(levels, mean, std)).max() <= 1e-6
    assert torch.equal(batch, before)


MESSAGE = (
    "Pixels must be uint8 from 0 to 255; got float32 from 0.5 to 0.5, which looks normalised "
    "already. Hand on decoded pixels."
)


def test_check_36_floats_are_refused_since_they_were_divided_before():
    with pytest.raises(DataError) as refused:
        normalise(np.full((2, 2, 3), 0.5, np.float32), MEAN, STD)
    assert str(refused.value) == MESSAGE
    with pytest.raises(DataError) as refused:
        normalise_batch(torch.full((1, 3, 2, 2), 0.5), MEAN, STD)
    assert str(refused.value) == MESSAGE
