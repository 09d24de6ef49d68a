"""The stack on real metadata: 1,042 ISIC 2024 rows, 313 malignant, 448 patients."""

import json

import polars as pl
import pytest

from tests.stages import Place

pytestmark = pytest.mark.real_data
SETTINGS = (
    "data.images=none", "stack.networks=false",
    "lightgbm.min_data_in_leaf=20", "stack.seeds=1", "score.replicates=200",
    "score.seeds=[0]", "audit.permutations=2",
)  # fmt: skip


@pytest.fixture(scope="module")
def place(real_data, tmp_path_factory):
    """The rows that have the scanner's columns; the table's own folds split patients."""
    folder = tmp_path_factory.mktemp("real")
    table = pl.read_csv(real_data / "isic2024_tabular_dev.csv", infer_schema=False)
    rows = table.filter(pl.col("tbp_lv_A").is_not_null()).drop("kfold")
    (folder / "data").mkdir()
    rows.write_csv(folder / "data" / "train-metadata.csv")
    return Place(folder)


def call(place, stage):
    return place.call(
        stage, "--recipe", "isic2024", "--data", str(place.data), settings=SETTINGS
    ).stdout


def test_the_stack_is_far_above_its_plain_baselines(place):
    shown = call(place, "stack")
    assert "1042 rows, 313 positives, 448 patients" in shown
    folds = pl.read_parquet(place.run / "folds" / "folds.parquet")
    assert folds["fold"].null_count() == 0  # nobody is set aside for networks that are not stacked
    metrics = json.loads((place.run / "stack" / "metrics.json").read_text())
    found = metrics["stack"]["metrics"]
    assert found["pauc"]["value"] > 0.13  # measured .152 [.138, .163] with five seeds
    assert found["auc"]["value"] > 0.91
    for name in ("age_sex_site", "best_column", "constant"):
        assert metrics["baselines"][name]["stack_minus_this"]["pauc"]["low"] > 0.03
    assert found["pauc"]["unit"] == "patient"


def test_labels_permuted_by_patient_are_at_chance(place):
    assert "audit: 9 checks hold" in call(place, "audit")


def test_without_test_rows_there_is_nothing_to_submit(place):
    ended = place.call(
        "submission", "--recipe", "isic2024", "--data", str(place.data), settings=SETTINGS, code=2
    )
    assert ended.stderr == (
        f"submission: {place.data} has no test rows to submit; 'make score' and metrics.json say "
        "what the stack is worth out of fold.\n"
    )
