"""The lines of docs/notebook.md that read a run's log, on a real one."""

import contextlib
import io
import json
import re
from pathlib import Path

import polars as pl
import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "notebook.md"
LOG = '"runs/sample/log.jsonl"'


@pytest.fixture(scope="module")
def block():
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    [found] = [one for one in blocks if LOG in one]
    return found


@pytest.fixture(scope="module")
def read(multimodal, block):
    """What the lines find in the log of a run."""
    names = {}
    with contextlib.redirect_stdout(io.StringIO()) as shown:
        exec(block.replace(LOG, repr(str(multimodal.run / "log.jsonl"))), names)  # noqa: S102 - the page's own code
    return names["curves"], names["scores"], shown.getvalue()


def test_the_reader_has_at_most_ten_lines(block):
    assert len([line for line in block.splitlines() if line.strip()]) <= 10


def test_loss_curves_of_every_fold_are_those_of_the_histories(multimodal, read):
    curves, _, _ = read
    assert set(curves["network"]) == {"small", "stage1", "stage2"}
    for row in curves.iter_rows(named=True):
        for fold in ("0", "1", "2"):
            folder = multimodal.run / "networks" / f"{row['network']}_fold_{fold}"
            history = json.loads((folder / "history.json").read_text())
            assert row[fold] == history[row["epoch"] - 1]["loss"]


def test_scores_by_unit_are_those_of_the_sheets(multimodal, read):
    _, scores, shown = read
    sheet = json.loads((multimodal.run / "stack" / "metrics.json").read_text())
    pauc = sheet["stack"]["metrics"]["pauc"]
    [row] = scores.filter(pl.col("unit") == "stack", pl.col("score") == "stack").to_dicts()
    assert row["pauc"] == [pauc["value"], pauc["low"], pauc["high"]]
    assert row["n"] == sheet["stack"]["n"]
    assert {"train-cnn", "stack"} <= set(scores["made_by"])
    blended = {f"blend.scores.{name}" for name in sheet["blend"]["scores"]}
    assert blended <= set(scores["score"])
    assert "pauc" in shown


def test_every_unit_of_the_run_is_in_the_log_once_and_no_id(multimodal):
    lines = (multimodal.run / "log.jsonl").read_text()
    made = [json.loads(line) for line in lines.splitlines()]
    told = [one for one in made if one["message"] == "unit"]
    units = [(one["made_by"], one["within"], one["unit"]) for one in told]
    assert len(units) == len(set(units))
    kept = {
        (json.loads(path.read_text())["stage"], path.parent.parent.name, path.parent.name)
        for path in multimodal.run.rglob("manifest.json")
    }
    assert kept <= set(units)
    samples = pl.read_parquet(multimodal.run / "samples" / "samples.parquet")
    for column in ("isic_id", "patient_id"):
        assert not [one for one in samples[column].unique() if one in lines]
