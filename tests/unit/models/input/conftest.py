from pathlib import Path

import numpy as np
import polars as pl
import pytest
import simplejpeg

from folds.images import ImageReader
from models.input.pictures import Pictures
from workspace.hdf5 import write_archive

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def lesion(height=90, width=110, seed=0, dark=(95, 60, 50)):
    """A brown blob, off centre, on lightly textured skin."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    centre = rng.uniform(0.35, 0.65, 2)
    far = np.hypot(y / height - centre[0], (x / width - centre[1]) * 0.8)
    inside = 1 / (1 + np.exp((far - 0.2) * 40))[..., None]
    skin = np.array([205, 160, 140]) + 12 * np.sin(x / 9 + seed)[..., None]
    noise = rng.normal(0, 3, (height, width, 1))
    return np.clip(skin * (1 - inside) + np.array(dark) * inside + noise, 0, 255).astype(np.uint8)


@pytest.fixture
def statistics():
    return MEAN, STD


@pytest.fixture
def make_lesion():
    return lesion


@pytest.fixture(scope="session")
def crops(tmp_path_factory) -> Path:
    """A folder with 40 crops of several sizes: an HDF5 file, and the same as JPEG files."""
    folder = tmp_path_factory.mktemp("crops")
    (folder / "image").mkdir()
    data = {}
    for number in range(40):
        pixels = lesion(70 + 3 * number, 100 + (7 * number) % 50, number)
        data[f"ISIC_{number:07d}"] = simplejpeg.encode_jpeg(pixels, quality=92)
    write_archive(folder / "train-image.hdf5", data.items())
    for name, jpeg in data.items():
        (folder / "image" / f"{name}.jpg").write_bytes(jpeg)
    return folder


@pytest.fixture
def make_pictures(crops):
    def make(count=40, memory_gb=0.0, form="train-image.hdf5::{}"):
        ids = pl.Series([f"ISIC_{number:07d}" for number in range(count)])
        references = [form.format(name) for name in ids]
        return Pictures(ImageReader(crops), ids, references, memory_gb)

    return make
