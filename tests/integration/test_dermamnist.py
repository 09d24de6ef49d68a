"""The real DermaMNIST through folds: its official split kept, what crosses it said."""

import zipfile

import polars as pl
import pytest

from tests.stages import Place

pytestmark = [pytest.mark.real_data, pytest.mark.slow]


def test_the_official_split_is_kept_and_its_crossings_are_counted(real_data, tmp_path):
    with zipfile.ZipFile(real_data / "dermamnist28_jpg.zip") as archive:
        archive.extractall(tmp_path / "derma")
    matched = pl.read_csv(real_data / "dermamnist_to_ham.csv", infer_schema=False)
    matched.select(image_id="dermamnist_id", lesion_id="lesion_id").write_csv(
        tmp_path / "derma" / "groups.csv"
    )
    place = Place(tmp_path)
    given = ("--recipe", "dermamnist", "--data", str(tmp_path / "derma"))
    done = place.call("folds", *given, settings=("data.table='labels.csv'",))
    folds = pl.read_parquet(place.run / "folds" / "folds.parquet")
    assert folds["split"].value_counts().sort("split").rows() == [("test", 2_005), ("train", 8_010)]
    assert (folds["fold"] == 0).sum() == 1_003
    assert "between the source's own splits: DermaMNIST_t" in done.stdout
    assert "1006 lesions of 7470 on more than one side of the official split, by class: " in (
        done.stdout.replace("\n", " ")
    )
