import zipfile

import cv2
import numpy as np
import pytest

from folds import jpeg
from folds.decoding import decode
from folds.headers import check_claims
from workspace.errors import DataError


def encoded(height=40, width=50, **options):
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    pixels = cv2.GaussianBlur(pixels, (0, 0), 2)
    flags = [flag for name, value in options.items() for flag in (getattr(cv2, name), value)]
    return cv2.imencode(".jpg", pixels, flags)[1].tobytes()


KINDS = [
    {"IMWRITE_JPEG_QUALITY": 95},
    {"IMWRITE_JPEG_QUALITY": 40},
    {"IMWRITE_JPEG_PROGRESSIVE": 1},
    {"IMWRITE_JPEG_RST_INTERVAL": 2},
    {"IMWRITE_JPEG_SAMPLING_FACTOR": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444},
]


@pytest.fixture(params=["as it is", "without simplejpeg"])
def decoder(request, monkeypatch):
    if request.param != "as it is":
        monkeypatch.setattr(jpeg, "simplejpeg", None)


@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("shape", [(40, 50), (1, 1), (133, 133), (17, 300)])
def test_opencv_gives_the_same_pixels(monkeypatch, kind, shape):
    data = encoded(*shape, **kind)
    by_simplejpeg = decode(data, "ISIC_0000001")
    monkeypatch.setattr(jpeg, "simplejpeg", None)
    np.testing.assert_array_equal(decode(data, "ISIC_0000001"), by_simplejpeg)


@pytest.mark.real_data
def test_opencv_gives_the_same_pixels_of_real_crops(monkeypatch, real_data):
    with zipfile.ZipFile(real_data / "isic2024_crops_dev.zip") as archive:
        names = [name for name in archive.namelist() if name.endswith(".jpg")][:200]
        crops = [archive.read(name) for name in names]
    assert len(crops) == 200
    expected = [decode(data, "crop") for data in crops]
    monkeypatch.setattr(jpeg, "simplejpeg", None)
    for data, pixels in zip(crops, expected, strict=True):
        np.testing.assert_array_equal(decode(data, "crop"), pixels)


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_the_claimed_size_is_read_before_anything_is_decoded(decoder, kind):
    assert jpeg.header_size(encoded(**kind)) == (40, 50)
    with pytest.raises(DataError, match="is 50x40; limit is 100 pixels"):
        check_claims(encoded(**kind), "ISIC_0000001", pixel_limit=100)


@pytest.mark.parametrize("size", [3, 20, 200, -400, -2])
def test_a_cut_file_is_damaged(decoder, size):
    data = encoded(200, 200)
    with pytest.raises(DataError, match="ISIC_0000001 is damaged and cannot be decoded"):
        decode(data[:size], "ISIC_0000001")
