"""The real DermaMNIST: its lesions by pixels, what its split leaks, and the mended ones."""

import json
import zipfile

import polars as pl
import pytest

from folds.sides import Sides, lesion_in_training
from tests.by_hand.units import pair_table
from tests.stages import Place

pytestmark = [pytest.mark.real_data, pytest.mark.slow]

TABLE = "data.table='labels.csv'"
LEAKED = {"akiec": (27, 66), "bcc": (53, 103), "bkl": (103, 220), "df": (14, 23),
          "mel": (139, 223), "nv": (346, 1_341), "vasc": (11, 29)}  # fmt: skip


@pytest.fixture(scope="module")
def derma(real_data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("derma")
    with zipfile.ZipFile(real_data / "dermamnist28_jpg.zip") as archive:
        archive.extractall(folder)
    return folder


def called(place, stage, recipe, derma, *settings):
    given = ("--recipe", recipe, "--data", str(derma))
    return place.call(stage, *given, settings=(TABLE, *settings))


def rows_of(place):
    folds = pl.read_parquet(place.run / "folds" / "folds.parquet").drop("group_id")
    samples = pl.read_parquet(place.run / "samples" / "samples.parquet").drop("split")
    return samples.join(folds, on="isic_id")


def of_test(rows):
    """By lesions alone, as `make verify` counts."""
    return lesion_in_training(rows, pair_table()).filter(pl.col("side") == "test")


def test_the_official_split_is_kept_and_what_it_leaks_is_counted(real_data, derma, tmp_path):
    place = Place(tmp_path)
    lesions = f"data.lesions={real_data / 'dermamnist_to_ham.csv'}"
    done = called(place, "folds", "dermamnist", derma, lesions)
    rows = rows_of(place)
    assert rows["split"].value_counts().sort("split").rows() == [("test", 2_005), ("train", 8_010)]
    assert (rows["fold"] == 0).sum() == 1_003
    said = done.stdout.replace("\n", " ")
    assert "between the source's own splits: DermaMNIST_t" in said
    assert "1006 lesions of 7470 on more than one side of the official split, by class: " in said
    assert "693 of 2005 test images of the official split are leaked" in said
    [sheet] = json.loads((place.run / "samples" / "verify.json").read_text())["crossings"]
    assert (sheet["all"]["groups"], sheet["all"]["across"]) == (7_470, 1_006)
    assert sheet["all"]["test"] == {"rows": 2_005, "leaked": 693, "unknown": 0}
    found = {one["name"]: (one["test"]["leaked"], one["test"]["rows"]) for one in sheet["classes"]}
    assert found == LEAKED
    leaked = of_test(rows).join(rows.select("isic_id", "diagnosis"), on="isic_id")
    melanomas = leaked.filter(pl.col("diagnosis") == "mel")["lesion"].value_counts().rows()
    assert dict(melanomas) == {"leaked": 139, "clean": 223 - 139}


@pytest.mark.parametrize(
    ("scheme", "sizes"), [("corrected", (8_208, 575, 1_232)), ("by_lesion", (7_007, 1_003, 2_005))]
)
def test_the_mended_splits_have_no_lesion_on_two_sides(real_data, derma, tmp_path, scheme, sizes):
    place = Place(tmp_path)
    lesions = f"data.lesions={real_data / 'dermamnist_to_ham.csv'}"
    called(place, "folds", f"dermamnist_{scheme}", derma, lesions)
    rows = rows_of(place)
    sides = Sides.of(rows)
    assert tuple(len(side) for side in (sides.train, sides.valid, sides.test)) == sizes
    lesion = dict(rows.select("isic_id", "lesion_id").iter_rows())
    train, valid, test = (
        {lesion[name] for name in s} for s in (sides.train, sides.valid, sides.test)
    )
    assert train.isdisjoint(valid | test)
    assert valid.isdisjoint(test)
    duplicates = pl.read_parquet(place.run / "samples" / "duplicates.parquet")
    assert set(lesion_in_training(rows, duplicates)["lesion"]) == {"clean"}


def test_the_lesions_are_those_of_the_pictures_of_ham10000(real_data, derma, tmp_path):
    ham, place = tmp_path / "ham", Place(tmp_path / "place")
    with zipfile.ZipFile(real_data / "ham10000_200x150.zip") as archive:
        archive.extractall(ham)
    (ham / "HAM10000_metadata.csv").write_bytes((real_data / "HAM10000_metadata.csv").read_bytes())
    done = called(place, "verify", "dermamnist", derma, f"data.lesions={ham}")
    assert "10015 of 10015 images are pictures of ham" in done.stdout.replace("\n", " ")
    ours = pl.read_csv(place.run / "lesions" / "lesions.csv")
    known = pl.read_csv(real_data / "dermamnist_to_ham.csv")
    both = ours.join(known, on="dermamnist_id", suffix="_known", validate="1:1")
    assert len(both) == 10_015
    assert (both["lesion_id"] == both["lesion_id_known"]).all()
    assert (both["dx"] == both["dx_known"]).all()
    assert ours["isic_id"].is_unique().all()
    # The known table names four pictures twice, each in place of another of the same lesion.
    twice = known.filter(pl.col("isic_id").is_duplicated())["isic_id"]
    others = both.filter(pl.col("isic_id") != pl.col("isic_id_known"))["isic_id_known"]
    assert sorted(others) == sorted(set(twice))
