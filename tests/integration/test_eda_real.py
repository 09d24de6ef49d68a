"""What the exploration finds in the real table of ISIC 2024, as docs/LOG.md tells it."""

import json

import polars as pl
import pytest

from tests.stages import Place

pytestmark = pytest.mark.real_data


def explored(place, recipe, data, *settings):
    place.call("eda", "--recipe", recipe, "--data", str(data), settings=settings)
    return json.loads((place.run / "eda" / "eda.json").read_text())


def test_in_the_real_table_lightness_tells_within_the_patient_alone(real_data, tmp_path):
    table = pl.read_csv(real_data / "isic2024_tabular_dev.csv", infer_schema=False)
    rows = table.filter(pl.col("tbp_lv_A").is_not_null()).drop("kfold")
    (tmp_path / "data").mkdir()
    rows.write_csv(tmp_path / "data" / "train-metadata.csv")
    sheet = explored(Place(tmp_path), "isic2024", tmp_path / "data", "data.images=none")

    assert sheet["looked_at"]["rows"] == 1_042
    numbers = {one["name"]: one for one in sheet["numbers"]}
    light = numbers["tbp_lv_L"]
    assert light["auc"]["low"] < 0.5 < light["auc"]["high"]
    assert light["gain"]["low"] > 0.04
    hue = numbers["tbp_lv_H"]
    assert hue["gain"]["high"] < -0.04
    assert numbers["age_approx"]["other"]["high"] < 0.46
    words = {one["name"]: one for one in sheet["words"]}
    assert words["copyright_license"]["elsewhere"]["auc"]["low"] > 0.53
    [without] = [o["without"] for o in sheet["lacking"] if o["column"] == "lesion_id"]
    assert (without["n"], without["positives"]) == (695, 0)
