"""The real competition's size on drawn data: balance, disjoint patients, one hash everywhere."""

import random
import shutil

import polars as pl
import pytest

from tests.stages import Place

pytestmark = pytest.mark.whole

# Another machine, another order of rows and another number of threads give these very folds.
GOLDEN = "fd724c486865"
FULL = ("--recipe", "full_size")


def test_full_size_folds_are_balanced_disjoint_and_the_same_everywhere(tmp_path):
    place = Place(tmp_path / "first")
    assert place.fold_hash(*FULL, settings=()) == GOLDEN
    samples = pl.read_parquet(place.run / "samples" / "samples.parquet")
    rows = pl.read_parquet(place.run / "folds" / "folds.parquet").join(samples, on="isic_id")
    held = rows.filter(pl.col("fold").is_not_null())
    assert (len(held), held["target"].sum(), held["patient_id"].n_unique()) == (401_059, 393, 1_042)
    positives = held.group_by("fold").agg(pl.col("target").cast(pl.Int64).sum())["target"]
    assert len(positives) == 5
    assert all(77 <= count <= 80 for count in positives)
    assert held.group_by("patient_id").agg(pl.col("fold").n_unique())["fold"].max() == 1

    shuffled = Place(tmp_path / "second")
    shutil.copytree(place.data, shuffled.data)
    table = shuffled.data / "train-metadata.csv"
    head, *lines = table.read_text().splitlines(keepends=True)
    random.Random(1).shuffle(lines)
    table.write_text(head + "".join(lines))
    given = ("--data", str(shuffled.data))
    again = shuffled.fold_hash(
        *FULL, *given, settings=(), POLARS_MAX_THREADS="1", PYTHONHASHSEED="3"
    )
    assert again == GOLDEN
