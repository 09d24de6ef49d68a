"""docs/notebook.md as it stands, run on a drawn sample table, in polars and in pandas."""

import contextlib
import io
import re
from pathlib import Path

import pandas as pd
import polars as pl
import pytest

from folds.findings import Findings
from folds.samples import build_samples
from folds.sources import DataConfig, open_source
from synthetic.competition import write_competition
from synthetic.config import SyntheticConfig
from workspace.frames import as_polars, like

PAGE = Path(__file__).resolve().parents[2] / "docs" / "notebook.md"
READ = 'pl.read_parquet("runs/sample/samples/samples.parquet").filter(pl.col("split") == "train")'


@pytest.fixture
def _sample_table(tmp_path, monkeypatch):
    """The table where `make verify` would have left it."""
    raw = tmp_path / "data"
    raw.mkdir()
    config = SyntheticConfig(patients=60, rows=600, positives=40, images=0)
    write_competition(raw, config, seed=0)
    source = open_source(DataConfig(source="isic2024", folder=raw, images="none"))
    kept = tmp_path / "runs" / "sample" / "samples"
    kept.mkdir(parents=True)
    build_samples(source, Findings()).write_parquet(kept / "samples.parquet")
    monkeypatch.chdir(tmp_path)


def code() -> str:
    block, _, _ = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert READ in block
    return block


def ran(block: str) -> tuple[dict[str, object], str]:
    names: dict[str, object] = {"like": like, "pd": pd}
    with contextlib.redirect_stdout(io.StringIO()) as shown:
        exec(block, names)  # noqa: S102 - the page's own code
    return names, shown.getvalue()


@pytest.mark.usefixtures("_sample_table")
def test_the_page_runs_and_pandas_says_the_same():
    names, shown = ran(code())
    assert re.fullmatch(r"0\.\d{4} \[0\.\d{4}, 0\.\d{4}\]\n", shown)
    assert isinstance(names["oof"], pl.DataFrame)
    in_pandas = code().replace(READ, f"like(pd.DataFrame(), {READ})").replace(".join(", ".merge(")
    others, again = ran(in_pandas)
    assert again == shown
    assert {type(others[name]) for name in ("table", "folds", "features", "oof")} == {pd.DataFrame}
    assert as_polars(others["folds"])["fold"].to_list() == names["folds"]["fold"].to_list()


def test_the_calls_take_at_most_ten_lines():
    lines = [line for line in code().splitlines() if line.strip()]
    assert len(lines) <= 10
