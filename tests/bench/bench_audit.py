"""The image audit: hashes of bytes and pixels plus the fingerprint, images per second and core.

The other side does the same work the usual way: h5py item, Pillow decode, two SHA-256, and a
64-bit DCT hash. Crops are the synthetic ones; with DERMSTACK_REAL_DATA the real ones too.
"""

import hashlib
import io
import os
import tempfile
import time
import zipfile
from pathlib import Path

import h5py
import numpy as np
from PIL import Image
from scipy.fft import dctn

from folds.audit import pictures
from folds.audit.near import near_duplicates
from folds.images import ImageReader
from synthetic.competition import write_competition
from synthetic.config import SyntheticConfig
from tests.bench.record import keep, paired
from workspace.hdf5 import write_archive


def run() -> None:
    """One core each: our pool is held to one thread."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        write_competition(place, SyntheticConfig(patients=80, rows=1600, positives=80), 0)
        archives = {"synthetic crops": place / "train-image.hdf5"}
        if real := os.environ.get("DERMSTACK_REAL_DATA"):
            archives["real ISIC 2024 crops"] = _real_crops(Path(real), place / "real.hdf5")
        rows = [_measure(name, path) for name, path in archives.items()]
    keep(
        "audit",
        "Looking at every image once",
        "Per image and core: bytes out of HDF5, SHA-256 of bytes and of pixels, decode, "
        "fingerprint. The usual way: h5py item, Pillow, two SHA-256, 64-bit DCT hash.",
        rows,
    )


def _real_crops(real: Path, path: Path) -> Path:
    with zipfile.ZipFile(real / "isic2024_crops_dev.zip") as archive:
        names = sorted(name for name in archive.namelist() if name.endswith(".jpg"))[:2000]
        write_archive(path, ((Path(name).stem, archive.read(name)) for name in names))
    return path


def _measure(name: str, path: Path) -> dict[str, object]:
    with h5py.File(path) as file:
        ids = list(file)
    references = [f"{path.name}::{item}" for item in ids]
    kept = []

    def ours() -> None:
        reader = ImageReader(path.parent)
        kept.append(pictures.fingerprint_all(reader, ids, references, lambda seen: None, workers=1))

    timed = paired(ours, lambda: _usual(path), times=3)
    prints = kept[-1]
    started = time.perf_counter()
    pairs = near_duplicates(prints.keys, prints.thumbs)
    search_s = time.perf_counter() - started
    return {
        "crops": name,
        "n": len(ids),
        "ours images/s/core": len(ids) / timed["ours_s"],
        "usual images/s/core": len(ids) / timed["theirs_s"],
        "ratio": timed["ratio"],
        "search for near-duplicates, s": search_s,
        "pairs": len(pairs),
    }


def _usual(path: Path) -> None:
    with h5py.File(path) as file:
        for item in file:
            data = file[item][()].tobytes()
            image = Image.open(io.BytesIO(data)).convert("RGB")
            hashlib.sha256(data).hexdigest()
            hashlib.sha256(image.tobytes()).hexdigest()
            small = np.asarray(image.convert("L").resize((32, 32), Image.Resampling.LANCZOS))
            low = dctn(small.astype(float))[:8, :8]
            np.packbits(low > np.median(low))
