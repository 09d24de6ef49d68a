"""The image audit: every image looked at once, then the search for near-duplicates.

The other side of the first does the same work the usual way: h5py item, Pillow decode, two
SHA-256, and a 64-bit DCT hash. Crops are the synthetic ones; with DERMSTACK_REAL_DATA the real ones
too. The search has no other side; its growth is measured on drawn fingerprints: keys of the spread
that the crops' own keys have, beside thumbs of crops, and a planted copy for every hundredth.
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
from folds.audit.near import NEIGHBOURS, REACH, near_duplicates
from folds.audit.nearest import nearest_pairs
from folds.audit.pictures import Fingerprints
from folds.images import ImageReader
from synthetic.competition import write_competition
from synthetic.config import SyntheticConfig
from tests.bench.record import keep, paired
from workspace.arrays import Bytes, Floats32
from workspace.hdf5 import write_archive

DRAWN = (2_500, 10_000, 40_000)


def run() -> None:
    """One core each: our pool is held to one thread."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        write_competition(place, SyntheticConfig(patients=80, rows=1600, positives=80), 0)
        archives = {"synthetic crops": place / "train-image.hdf5"}
        if real := os.environ.get("DERMSTACK_REAL_DATA"):
            archives["real ISIC 2024 crops"] = _real_crops(Path(real), place / "real.hdf5")
        measured = [_measure(name, path) for name, path in archives.items()]
    rows = [row for row, _ in measured]
    keep(
        "audit",
        "Looking at every image once",
        "Per image and core: bytes out of HDF5, SHA-256 of bytes and of pixels, decode, "
        "fingerprint. The usual way: h5py item, Pillow, two SHA-256, 64-bit DCT hash.",
        rows,
    )
    name, seen = list(archives)[-1], measured[-1][1]
    keep(
        "search",
        "The search for near-duplicates",
        f"Processor seconds of all threads, on the {len(seen.keys):,} {name} and on fingerprints "
        "drawn after them: keys of their spread, their thumbs in turn, and a copy planted for "
        "every hundredth. A candidate is a pair of near keys; what it costs is the gates and, for "
        "the few that pass, the alignment.",
        [_search(name, seen.keys, seen.thumbs, 0)]
        + [_search(f"{rows:,} drawn", *_drawn(seen, rows), rows // 100) for rows in DRAWN],
    )


def _real_crops(real: Path, path: Path) -> Path:
    with zipfile.ZipFile(real / "isic2024_crops_dev.zip") as archive:
        names = sorted(name for name in archive.namelist() if name.endswith(".jpg"))[:2000]
        write_archive(path, ((Path(name).stem, archive.read(name)) for name in names))
    return path


def _measure(name: str, path: Path) -> tuple[dict[str, object], Fingerprints]:
    with h5py.File(path) as file:
        ids = list(file)
    references = [f"{path.name}::{item}" for item in ids]
    kept = []

    def ours() -> None:
        reader = ImageReader(path.parent)
        kept.append(pictures.fingerprint_all(reader, ids, references, lambda seen: None, workers=1))

    timed = paired(ours, lambda: _usual(path), times=3)
    prints = kept[-1]
    row = {
        "crops": name,
        "n": len(ids),
        "ours images/s/core": len(ids) / timed["ours_s"],
        "usual images/s/core": len(ids) / timed["theirs_s"],
        "ratio": timed["ratio"],
    }
    return row, prints


def _drawn(seen: Fingerprints, count: int) -> tuple[Floats32, Bytes]:
    """Keys as scattered as those seen, and thumbs of those; every hundredth has a copy."""
    stream = np.random.default_rng(0)
    keys = stream.multivariate_normal(seen.keys.mean(axis=0), np.cov(seen.keys.T), count)
    thumbs = seen.thumbs[np.arange(count) % len(seen.thumbs)]
    copies = np.arange(0, count - 1, 100)
    keys[copies + 1] = keys[copies] + stream.normal(0, 0.5, keys[copies].shape)
    grain = stream.integers(-2, 3, thumbs[copies].shape)
    thumbs[copies + 1] = np.clip(thumbs[copies] + grain, 0, 255)
    return keys.astype(np.float32), thumbs


def _search(name: str, keys: Floats32, thumbs: Bytes, planted: int) -> dict[str, object]:
    started = time.process_time()
    candidates = sum(map(len, nearest_pairs(keys, REACH, NEIGHBOURS))) // 2
    nearest_s = time.process_time() - started
    started = time.process_time()
    pairs = near_duplicates(keys, thumbs)
    search_s = time.process_time() - started
    neighbours = (pairs["j"] - pairs["i"] == 1) & (pairs["i"] % 100 == 0)
    return {
        "fingerprints": name,
        "n": len(keys),
        "candidates a row": candidates / len(keys),
        "us a candidate": (search_s - nearest_s) / candidates * 1e6,
        "candidates, s": nearest_s,
        "search, s": search_s,
        "us a row": search_s / len(keys) * 1e6,
        "pairs": "-" if planted else len(pairs),  # drawn rows share thumbs, so by chance as well
        "planted copies found": f"{int(neighbours.sum())} of {planted}" if planted else "-",
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
