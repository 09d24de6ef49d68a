"""What the sample's run is worth over seeds of its networks, and under another number of threads.

Folds, tables and boosters are the same in all runs; networks are drawn anew. Differences are paired
by row, averaged over the seeds, and their intervals hold the luck of patients and of trainings.
`python -m tests.bench seeds`; runs in a folder of their own, which are gone on with.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from folds.groups import GROUP
from folds.images import ImageReader
from folds.schema import ID, IMAGE, TARGET
from metrics.score_sheet import ScoreConfig
from models.cascade.source_only import source_columns, source_scores
from models.networks.measure import ScoredRows, variant_sheet
from scripts import stages
from stacking.fold import FOLD, SCORE
from tests.bench.record import keep

SEEDS = (0, 1, 2, 3, 4)
STACK, TABLES, SOURCE, STAGE1, SMALL = "the stack", "tables alone", "source only", "stage1", "small"
PAIRS = (
    (STACK, TABLES), (STACK, SMALL), (STACK, STAGE1), (STAGE1, SOURCE), (SMALL, SOURCE),
)  # fmt: skip
NETWORKS = ("stage1", "stage2", "small")
Scores = dict[str, pl.DataFrame]  # by name: id and score


@dataclass(frozen=True)
class Runs:
    """The finished runs of one number of threads, by seed, and what the rows are."""

    rows: pl.DataFrame
    by_seed: list[Scores]
    accuracy: list[float]  # of stage 2
    hidden: list[dict[str, float]]


def run(place: Path = Path("runs/seeds")) -> None:
    """Every seed with the recipe's one thread, then with two."""
    where = Path(os.environ.get("SEEDS_IN", place))
    rows = [row for threads in (1, 2) for row in _rows(where, threads)]
    keep("seeds", "The sample over five seeds of its networks", __doc__ or "", rows)


def _rows(place: Path, threads: int) -> list[dict[str, Any]]:
    runs = _made(place, threads)
    said = []
    for name in (STACK, TABLES, STAGE1, SMALL, SOURCE):
        said.append(_said(runs, threads, name, None))
    said += [_said(runs, threads, *pair) for pair in PAIRS]
    said.append({
        "threads": threads, "what": "accuracy of stage2, best inner epoch", "n": 80,
        "pAUC": "", "by seed": _list(runs.accuracy), "AUC": "",
    })  # fmt: skip
    return said


def _made(place: Path, threads: int) -> Runs:
    by_seed, accuracy = [], []
    for seed in SEEDS:
        run = place / f"threads_{threads}_seed_{seed}"
        chosen: dict[str, Any] = {"network_seed": seed}
        chosen |= {f"networks.{name}.net.threads": threads for name in NETWORKS}
        stages.stack(recipe="sample", run=run, set=chosen, quiet=True)
        by_seed.append(_scores(run))
        sheet = pl.read_json(run / "networks" / "stage2" / "metrics.json")
        accuracy.append(sheet["best_epoch"][0]["metrics"]["accuracy"]["value"])
    rows = pl.read_parquet(run / "samples" / "samples.parquet")
    folded = pl.read_parquet(run / "folds" / "folds.parquet")
    rows = rows.join(folded.select(ID, FOLD, GROUP), on=ID).filter(pl.col(FOLD) >= 0).sort(ID)
    source = _source(rows)
    return Runs(rows, [scores | {SOURCE: source} for scores in by_seed], accuracy, [])


def _scores(run: Path) -> Scores:
    parts = [
        pl.read_parquet(folder / "scores.parquet")
        for folder in sorted((run / "boosters").glob("tabular_fold_*"))
    ]
    found = {
        STACK: pl.read_parquet(run / "stack" / "oof_stack.parquet"),
        TABLES: pl.concat(parts),
    }
    for name in (STAGE1, SMALL):
        table = pl.read_parquet(run / "networks" / name / "oof.parquet")
        found[name] = table.rename({f"oof_{name}": SCORE})
    return {name: table.select(ID, SCORE) for name, table in found.items()}


def _source(rows: pl.DataFrame) -> pl.DataFrame:
    """Size and colours of each picture by logistic regression on the same folds."""
    reader = ImageReader(Path("data/sample"))
    columns = source_columns(reader, rows[IMAGE].to_list(), lambda *_: None, 2)
    folds = rows[FOLD].to_numpy()
    splits = [(np.flatnonzero(folds != k), np.flatnonzero(folds == k)) for k in np.unique(folds)]
    scores = source_scores(columns, rows[TARGET].cast(pl.Int64).to_numpy(), splits)
    return pl.DataFrame({ID: rows[ID], SCORE: scores})


def _said(runs: Runs, threads: int, name: str, other: str | None) -> dict[str, Any]:
    """A score's mean over the seeds, or what it has more than another's."""
    ours, theirs = (
        [_of(runs, scores, one) for scores in runs.by_seed] for one in (name, other or name)
    )
    row: dict[str, Any] = {
        "threads": threads,
        "what": name if other is None else f"{name} minus {other}",
        "n": len(runs.rows),
    }
    for metric, title in (("pauc", "pAUC"), ("auc", "AUC")):
        sheet = variant_sheet("auc", theirs, ours, ("0", "1"), ScoreConfig(), metric)
        row[title] = _interval(sheet["value" if other is None else "minus_whole"])
        if metric == "pauc":
            points = [_point(rows, metric) for rows in ours]
            row["by seed"] = _list(points if other is None else sheet["by_seed"])
    return row


def _of(runs: Runs, scores: Mapping[str, pl.DataFrame], name: str) -> ScoredRows:
    joined = runs.rows.join(scores[name], on=ID, how="left", validate="1:1", maintain_order="left")
    score = joined[SCORE].to_numpy()
    assert not np.isnan(score).any(), f"{name} lacks rows"
    true = joined[TARGET].cast(pl.Int64).to_numpy()
    return ScoredRows(true, np.column_stack([1 - score, score]), joined[GROUP])


def _point(rows: ScoredRows, metric: str) -> float:
    sheet = variant_sheet("auc", [rows], [rows], ("0", "1"), ScoreConfig(), metric)
    return float(sheet["value"]["value"])


def _interval(sheet: Mapping[str, Any]) -> str:
    if sheet["low"] is None:
        return f"{sheet['value']:.3f}"
    return f"{sheet['value']:.3f} [{sheet['low']:.3f}, {sheet['high']:.3f}]"


def _list(values: list[float]) -> str:
    return ", ".join(f"{value:.3f}" for value in values)
