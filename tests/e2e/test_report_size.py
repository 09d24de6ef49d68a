"""A report of the real competition's rows: how large it is, and that it is the same again.

How many seconds it takes is printed (`pytest -s`); rows and sheets are drawn.
"""

import time

import numpy as np
import polars as pl
import pytest

from metrics.cohort import cohort
from metrics.score_sheet import ScoreConfig
from pipeline.recipe import load_recipe
from scripts import report
from stacking.calibration.measure import calibration_sheet
from stacking.measure import stack_sheet
from tests.by_hand.calls import Calls
from tests.by_hand.units import made

pytestmark = pytest.mark.slow

ROWS, PATIENTS, POSITIVES = 401_059, 1_042, 393  # ISIC 2024
MOST_MB = 10


def drawn_rows():
    """Scores of about the separation of a good public model, on patients of uneven size."""
    rng = np.random.default_rng(0)
    weight = rng.lognormal(0, 1, PATIENTS)
    patient = rng.choice(PATIENTS, ROWS, p=weight / weight.sum())
    target = np.zeros(ROWS, dtype=np.int8)
    target[rng.choice(ROWS, POSITIVES, replace=False)] = 1
    return pl.DataFrame(
        {
            "isic_id": [f"ISIC_{number:07}" for number in range(ROWS)],
            "fold": (patient % 5).astype(np.int16),
            "target": target,
            "group_id": [f"IP_{number:07}" for number in patient],
            "score": 1 / (1 + np.exp(6 - rng.normal(size=ROWS) - 2.3 * target)),
        }
    )


def test_a_report_of_401059_rows_is_under_10_mb_and_the_same_again(tmp_path):
    calls, rows = Calls(tmp_path), drawn_rows()
    sites = {"site": pl.Series(["arm", "back", "leg"] * ROWS)[:ROWS]}
    config = ScoreConfig(replicates=100, seeds=(0,))
    metrics = stack_sheet(rows, {}, "group_id", sites, config)
    score, target, fold = (rows[name].to_numpy() for name in ("score", "target", "fold"))
    whose = cohort(rows["group_id"], target)
    calibrated = calibration_sheet(score, target, fold, whose=whose, config=config)
    important = pl.DataFrame({"column": [f"pz_{k}" for k in range(500)], "shap": 1.0, "gain": 1.0})

    def stack(draft):
        draft.parquet("oof_stack.parquet", rows)
        draft.json("metrics.json", {**metrics, "group": "patient", "calibration": calibrated})
        draft.csv("importance.csv", important)

    recipe = load_recipe("full_size").resolved()
    made(calls.run / "stack", stack, stage="stack", of_recipe=recipe)
    began = time.perf_counter()
    page = report.run(calls.job(stage="report")).text("report.html")
    seconds = time.perf_counter() - began
    size = len(page.encode()) / 1e6
    print(f"\nreport of {ROWS:,} rows: {size:.2f} MB in {seconds:.1f} s")
    assert f'max="{POSITIVES - 1}" step="1"' in page  # each positive is a step of the slider
    assert size < MOST_MB
    again = report.run(calls.job(stage="report", fresh=True)).text("report.html")
    assert again == page
