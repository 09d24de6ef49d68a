"""Pages of every kind as tests drive them in a browser, made of texts that want to be more."""

from functools import cache

import numpy as np
import polars as pl

from metrics.score_sheet import ScoreConfig
from reports.bundle.page import page as bundle_page
from reports.bundle.runtime import Runtime
from reports.look_alikes import Proposed, Seen, look_alikes_page
from reports.report import RunSheets, report
from reports.suite.leaderboard import page as suite_page
from stacking.measure import stack_sheet
from tests.unit.reports.bundle import test_bundle_page as of_bundle
from tests.unit.reports.suite import test_leaderboard as of_suite
from workspace.manifest import Manifest

SCRIPT = "<script>window.hit = 1</script>"
TEMPLATE = "{{7*7}}"
PICTURE = '"><img src=x onerror="window.hit = 1">'
HOSTILE = (SCRIPT, TEMPLATE, PICTURE)
PIXEL = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"
MIN_TPR, FOLDS = 0.8, 4


@cache
def rows(number=600):
    """Rows out of fold: a target, what is handed in, and its probability."""
    rng = np.random.default_rng(0)
    patient = np.arange(number) // 4
    target = (np.arange(number) % 6 == 0).astype(np.int8)
    score = np.round(np.clip(rng.random(number) * 0.7 + 0.3 * target, 0, 1), 3)
    return pl.DataFrame(
        {
            "isic_id": [f"ISIC_{one:07}" for one in range(number)],
            "target": target,
            "fold": patient % FOLDS,
            "group_id": [f"IP_{one:07}" for one in patient],
            "score": score,
            "probability": score / 2,
        }
    )


@cache
def report_page():
    """A run's report; its names, its sites and its texts are hostile."""
    table, config = rows(), ScoreConfig(replicates=100, seeds=(0,))
    levels = {"site": pl.Series([*HOSTILE, "torso"] * (len(table) // 4))}
    constant = table.select("isic_id", pl.lit(0.5).alias("score"))
    metrics = stack_sheet(table, {TEMPLATE: constant}, "group_id", levels, config)
    importance = pl.DataFrame(
        {"column": [f"pz_{k}" for k in range(12)], "shap": [0.0, *range(11)], "gain": 0.5}
    )
    recipe = {
        "name": SCRIPT, "about": PICTURE, "seed": 0, "score": {"min_tpr": MIN_TPR},
        "data": {"group": "patient", "images": "none", "source": TEMPLATE, "folder": PICTURE},
    }  # fmt: skip
    made = Manifest(
        stage="verify", settings={}, inputs={}, recipe=recipe, seed=7, lock="l" * 64,
        code={"commit": "abcdef0123456789", "dirty": True}, versions={"python": TEMPLATE},
        seconds=1.25, facts={"synthetic": True}, files={},
    )  # fmt: skip
    return report(
        RunSheets(
            recipe=recipe, again=f" RECIPE={PICTURE}", manifests={"samples": made},
            stacked={**metrics, "best_column": {}, "group": "patient"}, rows=table,
            mapped_by="platt", importance=importance,
        )
    )  # fmt: skip


def suite():
    """A suite's leaderboard; its split and its experiments have hostile names."""
    experiments = of_suite.SHEET["experiments"]
    first = {**experiments["01"], "title": SCRIPT, "teaches": TEMPLATE, "changed": PICTURE}
    sheet = {**of_suite.SHEET, "experiments": {**experiments, "01": first}}
    return suite_page(sheet, PICTURE)


def look_alikes():
    """Pairs of pictures with hostile ids."""
    seen = [Seen(name, PIXEL) for name in HOSTILE]
    told = (("site", PICTURE, TEMPLATE),)
    pairs = [Proposed(seen[0], one, 31, 0.9, told) for one in seen[1:]]
    return look_alikes_page(pairs, "patients", "accept.csv", synthetic=True)


def bundle():
    """A bundle's page, but for its runtime: it says that it cannot run."""
    sheet = {**of_bundle.SHEET, "learnt": SCRIPT, "licence": f"{TEMPLATE} {PICTURE}"}
    return bundle_page(of_bundle.LABELS, sheet, b"", Runtime(b"", b""))


PAGES = {"report": report_page, "suite": suite, "look_alikes": look_alikes, "bundle": bundle}
