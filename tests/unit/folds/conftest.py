"""A small competition folder in the official shape, written by hand: what the checks bend."""

import csv
from pathlib import Path

import numpy as np
import pytest
import simplejpeg

from folds.findings import Findings
from folds.samples import build_samples, check_classes
from folds.sources import DataConfig, open_source
from folds.sources.isic2024_columns import TEST_COLUMNS, TEST_NAMES, TRAIN_NAMES
from workspace.hdf5 import write_archive

PATIENTS = 6
LESIONS = 4


def jpeg(seed: int, size: int = 24) -> bytes:
    low = np.random.default_rng(seed).integers(60, 220, (6, 6, 3)).astype(np.uint8)
    return simplejpeg.encode_jpeg(np.repeat(np.repeat(low, size // 6, 0), size // 6, 1), quality=90)


class Competition:
    """Rows that a test edits, then writes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.train = [self._row(n, TRAIN_NAMES) for n in range(PATIENTS * LESIONS)]
        self.test = [self._row(900 + n, TEST_NAMES) for n in range(3)]
        self.train_columns, self.test_columns = list(TRAIN_NAMES), list(TEST_NAMES)

    def _row(self, n: int, names: tuple[str, ...]) -> dict[str, str]:
        numbers = {c.name for c in TEST_COLUMNS if c.kind == "number"}
        row = {
            name: f"{1 + (n * 7 + len(name)) % 11}.5" if name in numbers else "" for name in names
        }
        row |= {
            "isic_id": f"ISIC_{n:07d}",
            "patient_id": f"IP_{n // LESIONS:07d}",
            "age_approx": str(40 + 5 * (n // LESIONS)),
            "sex": ("male", "female")[n // LESIONS % 2],
            "anatom_site_general": ("head/neck", "posterior torso")[n % 2],
            "image_type": "TBP tile: close-up",
            "tbp_tile_type": ("3D: XP", "3D: white")[n % 2],
            "tbp_lv_location": ("Head & Neck", "Torso Back")[n % 2],
            "tbp_lv_location_simple": ("Head & Neck", "Torso Back")[n % 2],
            "attribution": ("Hospital A", "Hospital B, Clinic")[n // LESIONS % 2],
            "copyright_license": ("CC-BY", "CC-0")[n % 2],
        }
        if "target" in names:
            row |= {"target": str(int(n % LESIONS == 0)), "iddx_full": "Benign"}
        return row

    def write(self, images: bool = True) -> "Competition":
        self.folder.mkdir(parents=True, exist_ok=True)
        self._write("train", self.train_columns, self.train, images)
        self._write("test", self.test_columns, self.test, images)
        return self

    def _write(
        self, split: str, columns: list[str], rows: list[dict[str, str]], images: bool
    ) -> None:
        path = self.folder / f"{split}-metadata.csv"
        with path.open("w", newline="") as handle:
            writer = csv.DictWriter(handle, columns, extrasaction="ignore")
            writer.writeheader()
            writer.writerows(rows)
        if images:
            ids = dict.fromkeys(row["isic_id"] for row in rows)
            pictures = ((name, jpeg(hash_of(name))) for name in ids)
            write_archive(self.folder / f"{split}-image.hdf5", pictures)

    def build(self, **config):
        """The sample table and what was found on the way."""
        findings = Findings()
        values = {"source": "isic2024", "folder": self.folder, "images": "none", **config}
        source = open_source(DataConfig(**values))
        samples = build_samples(source, findings)
        if source.has_training():
            check_classes(samples, findings)
        return samples, findings

    def errors(self, **config) -> list[str]:
        return [finding.message for finding in self.write().build(**config)[1].errors]

    def notices(self, **config) -> list[str]:
        return [finding.message for finding in self.write().build(**config)[1].notices]


def hash_of(name: str) -> int:
    return sum(ord(letter) * 31**place for place, letter in enumerate(name))


@pytest.fixture
def competition(tmp_path) -> Competition:
    return Competition(tmp_path / "isic")
