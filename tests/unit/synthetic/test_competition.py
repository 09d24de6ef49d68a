import hashlib
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from folds.decoding import decode
from folds.sources.isic2024_columns import TEST_NAMES, TRAIN_NAMES
from synthetic.competition import write_competition
from synthetic.config import SyntheticConfig
from workspace.hdf5 import ImageArchive

SMALL = SyntheticConfig(patients=12, rows=120, positives=9)
FILES = {
    "SYNTHETIC.txt", "sample_submission.csv", "solution.csv", "test-image.hdf5",
    "test-metadata.csv", "train-image.hdf5", "train-metadata.csv",
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("competition")
    write_competition(place, SMALL, 1)
    return place


def read(folder: Path, name: str) -> pl.DataFrame:
    return pl.read_csv(folder / f"{name}.csv", infer_schema=False)


def images(path: Path) -> dict[str, bytes]:
    archive = ImageArchive(path)
    names, refused = archive.names()
    assert not refused
    data = {name: archive.read(name) for name in names}
    archive.close()
    return data


def test_files_and_counts(tmp_path: Path) -> None:
    heard: list[tuple[int, int]] = []
    counts = write_competition(tmp_path, SMALL, 1, lambda done, total: heard.append((done, total)))
    assert {path.name for path in tmp_path.iterdir()} == FILES
    assert counts == {
        "patients": 12, "rows": 120, "positives": 9, "images": 120,
        "test_patients": 3, "test_rows": 30, "test_positives": 2, "test_images": 30,
    }  # fmt: skip
    assert heard == [(120, 150), (150, 150)]


def test_tables_are_official_and_sorted(folder: Path) -> None:
    train, test = read(folder, "train-metadata"), read(folder, "test-metadata")
    assert tuple(train.columns) == TRAIN_NAMES
    assert tuple(test.columns) == TEST_NAMES
    assert train["isic_id"].is_sorted()
    assert test["isic_id"].is_sorted()
    assert train["target"].value_counts().sort("target").rows() == [("0", 111), ("1", 9)]


def test_no_patient_and_no_lesion_is_on_both_sides(folder: Path) -> None:
    train, test = read(folder, "train-metadata"), read(folder, "test-metadata")
    assert not set(train["patient_id"]) & set(test["patient_id"])
    assert not set(train["isic_id"]) & set(test["isic_id"])


def test_solution_and_sample_submission_name_the_test_rows(folder: Path) -> None:
    test = read(folder, "test-metadata")["isic_id"].to_list()
    solution, sample = read(folder, "solution"), read(folder, "sample_submission")
    assert sample.columns == ["isic_id", "target"]
    assert solution.columns == ["isic_id", "target", "patient_id"]  # for patient-level intervals
    assert solution["isic_id"].to_list() == sample["isic_id"].to_list() == test
    assert solution["target"].value_counts().sort("target").rows() == [("0", 28), ("1", 2)]
    assert sample["target"].unique().to_list() == ["0.3"]


@pytest.mark.parametrize("split", ["train", "test"])
def test_each_row_has_a_crop_that_decodes(folder: Path, split: str) -> None:
    crops = images(folder / f"{split}-image.hdf5")
    assert sorted(crops) == read(folder, f"{split}-metadata")["isic_id"].to_list()
    for name, data in crops.items():
        assert decode(data, name).dtype == np.uint8


def test_it_says_that_it_is_synthetic(folder: Path) -> None:
    text = " ".join((folder / "SYNTHETIC.txt").read_text().split())
    for words in (
        "drawn by a computer program", "No crop shows a person",
        "No number measured on these files says anything about skin",
    ):  # fmt: skip
        assert words in text


def test_twice_gives_the_same(folder: Path, tmp_path: Path) -> None:
    write_competition(tmp_path, SMALL, 1)
    for name in sorted(FILES):
        if name.endswith(".hdf5"):
            assert images(tmp_path / name) == images(folder / name)
        else:
            assert (tmp_path / name).read_bytes() == (folder / name).read_bytes()


def test_ids_patients_and_targets_are_the_same_everywhere(folder: Path) -> None:
    rows = read(folder, "train-metadata").select("isic_id", "patient_id", "target").rows()
    digest = hashlib.sha256("\n".join(",".join(row) for row in rows).encode()).hexdigest()
    assert digest == "b29ad79739f65f60372c7329e657b7ce0a15450489a8026a1ab4f6f143d9e194"


def test_few_crops_are_malignant_first_in_training_and_blind_in_test(tmp_path: Path) -> None:
    config = SMALL.model_copy(update={"images": 40})
    counts = write_competition(tmp_path, config, 1)
    assert (counts["images"], counts["test_images"]) == (40, 10)
    train = read(tmp_path, "train-metadata")
    drawn = set(images(tmp_path / "train-image.hdf5"))
    assert len(train) == 120
    assert len(drawn) == 40
    assert set(train.filter(pl.col("target") == "1")["isic_id"]) <= drawn
    assert len(images(tmp_path / "test-image.hdf5")) == 10


def test_no_crops_no_archives_and_the_same_tables(folder: Path, tmp_path: Path) -> None:
    heard: list[int] = []
    config = SMALL.model_copy(update={"images": 0})
    counts = write_competition(tmp_path, config, 1, lambda done, total: heard.append(done))
    assert (counts["images"], counts["test_images"], heard) == (0, 0, [])
    assert {path.name for path in tmp_path.iterdir()} == {n for n in FILES if "hdf5" not in n}
    for name in ("train-metadata", "test-metadata"):
        assert read(tmp_path, name).equals(read(folder, name))
