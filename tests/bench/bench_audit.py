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
from tests.bench.drawn import is_small, rows_asked
from tests.bench.record import keep, paired
from workspace.arrays import Bytes, Floats32
from workspace.hdf5 import ImageArchive, write_archive

DRAWN = (50_000, 100_000, 200_000, 400_000)


def run() -> None:
    """One core each: our pool is held to one thread."""
    with tempfile.TemporaryDirectory() as folder:
        archives = _archives(Path(folder))
        measured = [_measure(name, path) for name, path in archives.items()]
    keep(
        "audit",
        "Looking at every image once",
        "Per image and core: bytes out of HDF5, SHA-256 of bytes and of pixels, decode, "
        "fingerprint. The usual way: h5py item, Pillow, two SHA-256, 64-bit DCT hash.",
        [row for row, _ in measured],
    )


def run_search() -> None:
    """How the search for near-duplicates grows with the rows."""
    with tempfile.TemporaryDirectory() as folder:
        name, path = list(_archives(Path(folder)).items())[-1]
        seen = _fingerprinted(path)
    drawn = [_search(f"{n:,} drawn", *_drawn(seen, n), n // 100) for n in _sizes()]
    keep(
        "search",
        "The search for near-duplicates",
        f"Processor seconds of all threads, on the {len(seen.keys):,} {name} and on fingerprints "
        "drawn after them: keys of their spread, their thumbs in turn, and a copy planted for "
        "every hundredth. A candidate is a pair of near keys; what it costs is the gates and, for "
        f"the few that pass, the alignment. From {drawn[0]['n']:,} to {drawn[-1]['n']:,} rows "
        f"candidates grow with the rows to the power of {_exponent(drawn, 'candidates'):.2f}, "
        f"seconds to that of {_exponent(drawn, 'search, s'):.2f}.",
        [_search(name, seen.keys, seen.thumbs, 0), *drawn],
        small=is_small(),
    )


def _sizes() -> list[int]:
    """Those of the page; of a small run an eighth, a quarter and so on of what is asked for."""
    return [rows_asked() * size // DRAWN[-1] if is_small() else size for size in DRAWN]


def _exponent(rows: list[dict[str, object]], column: str) -> float:
    """Of the rows, by least squares on logarithms: 1 is linear."""
    n, cost = (np.log([float(str(row[key])) for row in rows]) for key in ("n", column))
    return float(np.polyfit(n, cost, 1)[0])


def _archives(place: Path) -> dict[str, Path]:
    """Drawn crops, and real ones where they are named."""
    write_competition(place, SyntheticConfig(patients=80, rows=1600, positives=80), 0)
    archives = {"synthetic crops": place / "train-image.hdf5"}
    if real := os.environ.get("DERMSTACK_REAL_DATA"):
        archives["real ISIC 2024 crops"] = _real_crops(Path(real), place / "real.hdf5")
    return archives


def _fingerprinted(path: Path) -> Fingerprints:
    ids = sorted(ImageArchive(path).names()[0])
    references = [f"{path.name}::{item}" for item in ids]
    return pictures.fingerprint_all(ImageReader(path.parent), ids, references, lambda seen: None)


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
        "candidates": candidates,
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
