"""What the sample's run is worth over seeds of its networks, and under another number of threads.

Folds, tables and features are the same in all runs; networks, and what is made of them, are drawn
anew. Differences are paired by row and averaged over the seeds; their intervals hold the luck of
patients and of trainings. Not among the themes that run when none is named: it takes an hour.
`SEEDS_IN=folder` says where the runs are kept; what is there is gone on with.
"""

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from folds.groups import GROUP
from folds.images import ImageReader
from folds.schema import ID, IMAGE, TARGET
from metrics.score_sheet import ScoreConfig
from models.cascade.source_only import source_columns, source_scores
from models.networks.measure import ScoredRows, variant_sheet
from stacking.use import FOLD, SCORE
from tests.bench.record import in_child, keep

SEEDS = (0, 1, 2, 3, 4)
NETWORKS = ("stage1", "stage2", "small")
STACK, TABLES, SOURCE = "stack", "tables alone", "source only"
PAIRS = (
    (STACK, TABLES),
    (STACK, "small"),
    (STACK, "stage1"),
    ("stage1", SOURCE),
    ("small", SOURCE),
)
DATA = Path("data/sample")
Scores = Mapping[str, pl.DataFrame]  # by name: id and score


@dataclass(frozen=True)
class Runs:
    """The runs of one number of threads: their rows, and by seed who scored these how."""

    rows: pl.DataFrame
    by_seed: Sequence[Scores]
    accuracy: Sequence[float]  # of the second stage

    def of(self, name: str) -> list[ScoredRows]:
        """One name's scores of the same rows, a seed each."""
        return [self._scored(scores[name]) for scores in self.by_seed]

    def _scored(self, scores: pl.DataFrame) -> ScoredRows:
        rows = self.rows.join(scores, on=ID, how="left", validate="1:1", maintain_order="left")
        assert not rows[SCORE].has_nulls()
        score, true = rows[SCORE].to_numpy(), rows[TARGET].cast(pl.Int64).to_numpy()
        return ScoredRows(true, pl.DataFrame([1 - score, score]).to_numpy(), rows[GROUP])


def run() -> None:
    """Every seed with the recipe's one thread, then with two."""
    place = Path(os.environ.get("SEEDS_IN", "runs/seeds"))
    rows = [row for threads in (1, 2) for row in _rows(place, threads)]
    keep("seeds", "The sample over five seeds of its networks", __doc__ or "", rows)


def _rows(place: Path, threads: int) -> list[dict[str, Any]]:
    runs = _made(place, threads)
    names = [(name, None) for name in (STACK, TABLES, "small", "stage1", SOURCE)]
    sheets = [_compared(runs, *pair) for pair in (*names, *PAIRS)]
    sheets.append({
        "what": "stage2: share of the cancers called right", "n": runs.rows[TARGET].sum(),
        "pAUC": "", "pAUC by seed": _listed(runs.accuracy), "AUC": "",
    })  # fmt: skip
    return [{"threads": threads, **sheet} for sheet in sheets]


def _made(place: Path, threads: int) -> Runs:
    folders = []
    for seed in SEEDS:
        folder = place / f"threads_{threads}_seed_{seed}"
        if folders and not folder.exists():
            _begin_with_what_no_network_changes(folder, folders[0])
        _stack(folder, seed, threads)
        folders.append(folder)
    kept = pl.read_parquet(folders[0] / "samples" / "samples.parquet")
    folded = pl.read_parquet(folders[0] / "folds" / "folds.parquet")
    rows = kept.join(folded.select(ID, FOLD, GROUP), on=ID).filter(pl.col(FOLD) >= 0).sort(ID)
    source = _source_scores(rows)
    by_seed = [{**_scores(folder), SOURCE: source} for folder in folders]
    return Runs(rows, by_seed, [_accuracy(folder) for folder in folders])


def _begin_with_what_no_network_changes(folder: Path, first: Path) -> None:
    for part in ("samples", "folds", "features", "audit"):
        if (first / part).exists():
            shutil.copytree(first / part, folder / part)
    for unit in sorted((first / "boosters").iterdir()):
        if not unit.name.startswith(("stack_", "images_")):
            shutil.copytree(unit, folder / "boosters" / unit.name)


def _stack(folder: Path, seed: int, threads: int) -> None:
    settings = {f"networks.{name}.net.threads": threads for name in NETWORKS}
    settings["network_seed"] = seed
    words = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
    command = [sys.executable, "-m", "scripts.stack", "--recipe", "sample", "--run", str(folder)]
    command += ["--jobs", "2"]  # also where each network takes two threads
    took = in_child([*command, *words])
    print(f"{folder.name}: {took.seconds:.0f} s, {took.processor_s:.0f} CPU-s", flush=True)


def _scores(run: Path) -> dict[str, pl.DataFrame]:
    tables = [
        pl.read_parquet(folder / "scores.parquet")
        for folder in sorted((run / "boosters").glob("tabular_fold_*"))
    ]
    stack = pl.read_parquet(run / "stack" / "oof_stack.parquet")
    found = {STACK: stack.select(ID, SCORE), TABLES: pl.concat(tables).select(ID, SCORE)}
    for name in ("stage1", "small"):
        table = pl.read_parquet(run / "networks" / name / "oof.parquet")
        [column] = [column for column in table.columns if column.startswith(f"oof_{name}")]
        found[name] = table.select(ID, pl.col(column).alias(SCORE))
    return found


def _accuracy(run: Path) -> float:
    sheet = pl.read_json(run / "networks" / "stage2" / "metrics.json")
    return float(sheet["best_epoch"][0]["metrics"]["accuracy"]["value"])


def _source_scores(rows: pl.DataFrame) -> pl.DataFrame:
    """Size and colours of each picture, by logistic regression on the same folds."""
    columns = source_columns(ImageReader(DATA), rows[IMAGE].to_list(), lambda *_: None, 2)
    at = rows.with_row_index()
    splits = [
        (at.filter(pl.col(FOLD) != k)["index"].to_numpy(), held_out["index"].to_numpy())
        for [k], held_out in at.group_by(FOLD, maintain_order=True)
    ]
    scores = source_scores(columns, rows[TARGET].cast(pl.Int64).to_numpy(), splits)
    return pl.DataFrame({ID: rows[ID], SCORE: scores})


def _compared(runs: Runs, name: str, other: str | None) -> dict[str, Any]:
    """A score's mean over the seeds, or what it has more than another's."""
    ours, theirs = runs.of(name), runs.of(other or name)
    row: dict[str, Any] = {
        "what": name if other is None else f"{name} minus {other}", "n": len(runs.rows),
    }  # fmt: skip
    for metric, title in (("pauc", "pAUC"), ("auc", "AUC")):
        sheet = variant_sheet("auc", theirs, ours, ("0", "1"), ScoreConfig(), metric)
        row[title] = _interval(sheet["value" if other is None else "minus_whole"])
        if metric == "pauc":
            row["pAUC by seed"] = _listed(sheet["by_seed"] if other else _points(ours, metric))
    return row


def _points(several: Sequence[ScoredRows], metric: str) -> list[float]:
    config = ScoreConfig()
    sheets = [variant_sheet("auc", [o], [o], ("0", "1"), config, metric) for o in several]
    return [sheet["value"]["value"] for sheet in sheets]


def _interval(sheet: Mapping[str, Any]) -> str:
    if sheet["low"] is None:
        return f"{sheet['value']:.3f}"
    return f"{sheet['value']:.3f} [{sheet['low']:.3f}, {sheet['high']:.3f}]"


def _listed(values: Sequence[float]) -> str:
    return ", ".join(f"{value:.3f}" for value in values)
