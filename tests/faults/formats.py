"""What a stranger may hand in, by format: whole samples of it, and who reads it here.

A reader gets a file's bytes and a folder of its own. Whatever the bytes are, it ends in a result or
in an error of ours.
"""

import zipfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path

import cv2
import h5py
import numpy as np
import polars as pl
import safetensors.numpy

from folds.accepted import accepted_pairs
from folds.decoding import decode
from folds.findings import Findings
from folds.images import ImageReader, references_in
from folds.samples import build_samples
from folds.sources import DataSettings, open_source
from folds.sources.isic2024_columns import TRAIN_COLUMNS
from models.suite.config import SuiteConfig
from pipeline.recipe import load_recipe
from pipeline.suite_file import read_suite
from stacking.boosters.lightgbm import LightGBMConfig
from submissions.solution import read_solution
from submissions.submission import read_submission
from tests.by_hand.units import drafting
from tests.launcher import ROOT
from workspace.errors import DataError
from workspace.files import parse_json, read_user_arrays, read_user_tensors
from workspace.hdf5 import ImageArchive
from workspace.units import open_unit

IDS = [f"ISIC_{number:07d}" for number in range(12)]


@dataclass(frozen=True)
class Format:
    """Samples to damage, and a reader of what comes of it."""

    samples: Callable[[], Sequence[bytes]]
    read: Callable[[bytes, Path], object]


def _written(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def _csv(**columns: Sequence[object]) -> bytes:
    return pl.DataFrame(columns).write_csv().encode()


def _metadata() -> Sequence[bytes]:
    own = {
        "isic_id": IDS, "target": [0, 1] * 6, "patient_id": [f"IP_{n // 2:07d}" for n in range(12)],
        "sex": ["male", "female", None] * 4, "attribution": ["one", "two"] * 6,
        "anatom_site_general": ["head/neck", "torso", "a, b", ""] * 3,
    }  # fmt: skip
    numbers = {"number": [2.5 + n / 7 for n in range(12)]}
    rows = {c.name: own.get(c.name, numbers.get(c.kind, ["a"] * 12)) for c in TRAIN_COLUMNS}
    text = _csv(**rows)
    return (text, text.replace(b"\n", b"\r\n"), b"\xef\xbb\xbf" + text)


def _read_metadata(data: bytes, folder: Path) -> object:
    _written(folder, "train-metadata.csv", data)
    settings = DataSettings(source="isic2024", folder=folder, images="none")
    return build_samples(open_source(settings), Findings())


def _groups() -> Sequence[bytes]:
    names = [f"mel/{name}.jpg" for name in IDS[:6]] + [f"nv/{name}.jpg" for name in IDS[6:]]
    return (_csv(image=names, patient_id=[f"P{n // 2}" for n in range(12)]),)


def _read_groups(data: bytes, folder: Path) -> object:
    for number, name in enumerate(IDS):
        _written(folder, f"{'mel' if number < 6 else 'nv'}/{name}.jpg", b"")
    _written(folder, "groups.csv", data)
    settings = DataSettings(source="image_folder", folder=folder, positive=("mel",))
    return build_samples(open_source(settings), Findings())


def _accepted() -> Sequence[bytes]:
    return (_csv(a=IDS[:4], b=IDS[4:8]),)


def _read_accepted(data: bytes, folder: Path) -> object:
    _written(folder, "accept.csv", data)
    return accepted_pairs(folder, pl.Series("isic_id", IDS), Findings())


def _solution() -> Sequence[bytes]:
    return (
        _csv(isic_id=IDS, target=[0, 1] * 6, patient_id=["a", "b", "c"] * 4, sex=["male"] * 12),
    )


def _read_solution(data: bytes, folder: Path) -> object:
    return read_solution(_written(folder, "solution.csv", data), Findings())


def _submission() -> Sequence[bytes]:
    return (_csv(isic_id=IDS, target=[n / 11 for n in range(12)]),)


def _read_submission(data: bytes, folder: Path) -> object:
    path = _written(folder, "submission.csv", data)
    return read_submission(path, pl.Series("isic_id", IDS), Findings())


def _recipes() -> Sequence[bytes]:
    return [path.read_bytes() for path in sorted((ROOT / "recipes").glob("*.toml"))]


def _read_recipe(data: bytes, folder: Path) -> object:
    return load_recipe(str(_written(folder, "mine.toml", data)))


def _suites() -> Sequence[bytes]:
    return [path.read_bytes() for path in sorted((ROOT / "recipes" / "suites").glob("*.toml"))]


def _read_suite(data: bytes, folder: Path) -> object:
    path = _written(folder, "suite.toml", data)
    return read_suite(SuiteConfig(experiments=str(path)))


def _archives() -> Sequence[bytes]:
    made = []
    for version in ("earliest", "latest"):
        held = BytesIO()
        with h5py.File(held, "w", libver=version) as file:
            for number, name in enumerate(IDS):
                file[name] = np.bytes_(b"\xff\xd8" + bytes(range(1, 40 + number)))
            file["vector"] = np.arange(50, dtype=np.uint8)
            file["chunks"] = h5py.Empty("S1")
            file.create_dataset("packed", data=np.zeros(900, np.uint8), compression="gzip")
            file["soft"] = h5py.SoftLink("/vector")
        made.append(held.getvalue())
    return made


def _read_archive(data: bytes, folder: Path) -> object:
    archive, pictures = ImageArchive(_written(folder, "image.hdf5", data)), []
    try:
        names, _ = archive.names()
        for name in names[:50]:
            with suppress(DataError):
                pictures.append(archive.read(name))
    finally:
        archive.close()
    return pictures


def _pictures() -> Sequence[bytes]:
    rng = np.random.default_rng(0)
    pixels = cv2.resize(rng.integers(0, 256, (6, 5, 3)).astype(np.uint8), (60, 48))
    ways = (
        (".jpg", []),
        (".jpg", [cv2.IMWRITE_JPEG_PROGRESSIVE, 1]),
        (".jpg", [cv2.IMWRITE_JPEG_RST_INTERVAL, 2]),
        (".png", []),
    )
    return [cv2.imencode(kind, pixels, options)[1].tobytes() for kind, options in ways]


def _read_picture(data: bytes, folder: Path) -> object:
    return decode(data, "one")


def _jsons() -> Sequence[bytes]:
    return [path.read_bytes() for path in sorted((ROOT / "docs" / "benchmarks").glob("*.json"))[:5]]


def _read_json(data: bytes, folder: Path) -> object:
    return parse_json(_written(folder, "one.json", data))


def _arrays() -> Sequence[bytes]:
    made = []
    for save in (np.savez, np.savez_compressed):
        held = BytesIO()
        save(held, images=np.arange(600, dtype=np.uint8).reshape(2, 10, 10, 3), labels=np.eye(2))
        made.append(held.getvalue())
    return made


def _read_arrays(data: bytes, folder: Path) -> object:
    return read_user_arrays(_written(folder, "own.npz", data))


def _tensors() -> Sequence[bytes]:
    values = {"stem.weight": np.ones((4, 3, 3, 3), np.float32), "head.bias": np.zeros(7, np.int8)}
    return (safetensors.numpy.save(values),)


def _read_tensors(data: bytes, folder: Path) -> object:
    return read_user_tensors(_written(folder, "own.safetensors", data))


def _zips() -> Sequence[bytes]:
    held = BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, data in enumerate(_pictures()[:3]):
            archive.writestr(f"images/{number}.jpg", data)
    return (held.getvalue(),)


def _read_zip(data: bytes, folder: Path) -> object:
    path, pictures = _written(folder, "own.zip", data), []
    reader = ImageReader(folder)
    for name in references_in(path, Findings()):
        with suppress(DataError):
            pictures.append(reader.pixels(f"own.zip::{name}"))
    return pictures


COLUMNS = ("pz_one", "pz_two", "pz_three")


def _rows() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(200, 3)).astype(np.float32)


def _models() -> Sequence[bytes]:
    values = _rows()
    config = LightGBMConfig(rounds=3, num_leaves=4, min_data_in_leaf=5)
    rows = config.bin_rows([values], (values[:, 0] > 0).astype(float), COLUMNS, 1)
    return (rows.grow(np.arange(200), 0, 3).save().encode(),)


def _read_model(data: bytes, folder: Path) -> object:
    """Damaged after it was written: refused, unless no byte is another."""
    [whole] = samples_of("model.txt")
    with drafting(folder / "unit", "stack") as draft:
        draft.encoded("seed_0.txt", whole)
    _written(folder, "unit/seed_0.txt", data)
    LightGBMConfig.load(open_unit(folder / "unit", "stack"), "seed_0.txt", COLUMNS)
    assert data == whole, "a changed model was read"


def _read_forged_model(data: bytes, folder: Path) -> object:
    """With a manifest that was made to fit, by somebody who may write into the run."""
    with drafting(folder / "unit", "stack") as draft:
        draft.encoded("seed_0.txt", data)
    unit = open_unit(folder / "unit", "stack")
    return LightGBMConfig.load(unit, "seed_0.txt", COLUMNS).log_odds(_rows(), 1)


FORMATS = {
    "metadata.csv": Format(_metadata, _read_metadata),
    "groups.csv": Format(_groups, _read_groups),
    "accept.csv": Format(_accepted, _read_accepted),
    "solution.csv": Format(_solution, _read_solution),
    "submission.csv": Format(_submission, _read_submission),
    "recipe.toml": Format(_recipes, _read_recipe),
    "suite.toml": Format(_suites, _read_suite),
    "image.hdf5": Format(_archives, _read_archive),
    "picture": Format(_pictures, _read_picture),
    "images.zip": Format(_zips, _read_zip),
    "arrays.npz": Format(_arrays, _read_arrays),
    "weights.safetensors": Format(_tensors, _read_tensors),
    "json": Format(_jsons, _read_json),
    "model.txt": Format(_models, _read_model),
}
# What no reader here promises to survive: the native library's own, given a forged manifest.
FORGED = {"model.txt, its hash made to fit": Format(_models, _read_forged_model)}


@cache
def samples_of(name: str) -> Sequence[bytes]:
    """The whole files of a format."""
    return (FORMATS | FORGED)[name].samples()
