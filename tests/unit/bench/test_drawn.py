"""A smaller table for a trial run keeps the full one's proportions and says that it is small."""

import pytest

from pipeline.recipe import load_recipe
from tests.bench import drawn
from tests.bench.record import stage_options


def test_the_full_size_is_the_recipe_s_own() -> None:
    shape = load_recipe("full_size", drawn.of_size(drawn.FULL)).synthetic
    assert shape == load_recipe("full_size").synthetic


def test_patients_and_positives_go_with_the_rows_down_to_what_five_folds_need() -> None:
    """A tenth of 1,042 patients and 393 positives is 104 and 39; a hundredth 10 and 4."""
    assert drawn.of_size(40_106) == [
        "synthetic.patients=104", "synthetic.rows=40106", "synthetic.positives=39",
    ]  # fmt: skip
    assert drawn.of_size(4011) == [
        "synthetic.patients=40", "synthetic.rows=4011", "synthetic.positives=20",
    ]  # fmt: skip


def test_fewer_rows_make_a_trial_run_and_a_tiny_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BENCH_ROWS", raising=False)
    assert (drawn.rows_asked(), drawn.is_small(), drawn.half()) == (401_059, False, drawn.HALF)
    monkeypatch.setenv("BENCH_ROWS", "20000")
    assert (drawn.rows_asked(), drawn.is_small(), drawn.half()) == (20_000, True, drawn.TINY)


def test_a_stage_is_told_its_recipe_run_and_settings(tmp_path) -> None:
    assert stage_options(tmp_path, "tabular", "seed=1", run="a/run") == [
        "--recipe", "tabular", "--run", str(tmp_path / "a" / "run"),
        "--set", f"data.folder={tmp_path / 'data'}", "--set", "seed=1",
    ]  # fmt: skip
