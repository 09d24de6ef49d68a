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


def carried_out(block, log):
    """What the lines find in a log."""
    names = {}
    with contextlib.redirect_stdout(io.StringIO()) as shown:
        exec(block.replace(LOG, repr(str(log))), names)  # noqa: S102 - the page's own code
    return names["curves"], names["scores"], shown.getvalue()


@pytest.fixture(scope="module")
def read(multimodal, block):
    return carried_out(block, multimodal.run / "log.jsonl")


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


def test_a_log_of_tables_alone_and_one_without_scores_are_read_too(multimodal, block, tmp_path):
    lines = (multimodal.run / "log.jsonl").read_text().splitlines()

    def read_without(*messages):
        left = [line for line in lines if json.loads(line)["message"] not in messages]
        (tmp_path / "log.jsonl").write_text("\n".join(left))
        return carried_out(block, tmp_path / "log.jsonl")

    curves, scores, _ = read_without("epoch")
    assert (len(curves), len(scores) > 0) == (0, True)
    curves, scores, _ = read_without("unit", "score")
    assert (len(curves) > 0, len(scores)) == (True, 0)
    curves, scores, _ = read_without("epoch", "unit", "score")
    assert (len(curves), len(scores)) == (0, 0)


def test_what_was_trained_again_counts_once_as_it_was_last(block, tmp_path):
    epoch = {"message": "epoch", "network": "small", "fold": [0, 1], "epoch": 1}
    lines = [json.dumps({**epoch, "loss": loss}) for loss in (0.5, 0.25)]
    (tmp_path / "log.jsonl").write_text("\n".join(lines))
    curves, _, _ = carried_out(block, tmp_path / "log.jsonl")
    assert curves.to_dicts() == [{"network": "small", "epoch": 1, "[0, 1]": 0.25}]


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
