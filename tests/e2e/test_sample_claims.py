"""What README says of the sample's networks: the record of it, and one more seed.

The record is `python -m tests.bench seeds`: all folds, five seeds, two numbers of threads.
"""

import json
import re
from pathlib import Path

import polars as pl
import pytest

from metrics.ranking import auc
from tests.stages import Place

ROOT = Path(__file__).resolve().parents[2]
[RECORD] = sorted((ROOT / "docs" / "benchmarks").glob("seeds_*.json"))[-1:]
INTERVAL = re.compile(r"^(-?\.?[\d.]+) \[(-?[\d.]+), (-?[\d.]+)\]$")


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(
    ("what", "metric"),
    [("stage1 minus source only", "AUC"), ("small minus source only", "AUC"),
     ("stack minus tables alone", "pAUC"), ("stack minus small", "pAUC")],
)  # fmt: skip
def test_what_readme_claims_holds_over_seeds_and_threads(what, metric, threads):
    rows = json.loads(RECORD.read_text())["rows"]
    [row] = [row for row in rows if row["what"] == what and row["threads"] == threads]
    _, low, _ = INTERVAL.match(row[metric]).groups()
    assert float(low) > 0


@pytest.mark.parametrize("what", ["stack minus tables alone", "stack minus small"])
def test_readme_has_the_numbers_of_the_record(what):
    by_threads = {
        row["threads"]: re.sub(r"\b0\.", ".", row["pAUC"])
        for row in json.loads(RECORD.read_text())["rows"]
        if row["what"] == what
    }
    assert f"{by_threads[1]} and {by_threads[2]}" in " ".join(
        (ROOT / "README.md").read_text().split()
    )


@pytest.mark.whole
def test_another_seed_of_the_first_stage_learns_too(tmp_path):
    """One fold of one draw on whatever machine this is: it must have learnt."""
    place = Place(tmp_path)
    settings = ('use_networks=["stage1"]', "network_seed=7", "networks.stage1.net.threads=2")
    place.call("train_cnn", "--fold", "0", settings=settings)
    scores = pl.read_parquet(place.run / "networks" / "stage1_fold_0" / "scores.parquet")
    samples = pl.read_parquet(place.run / "samples" / "samples.parquet")
    folds = pl.read_parquet(place.run / "folds" / "folds.parquet").filter(fold=0)
    rows = scores.join(samples.select("isic_id", "target"), on="isic_id", validate="1:1")
    assert set(rows["isic_id"]) == set(folds["isic_id"])
    assert rows["target"].sum() > 10
    assert auc(rows["target"], rows["oof_stage1_malignant"]) > 0.7
