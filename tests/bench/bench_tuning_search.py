"""TPE beside random search of the same budget: the same space, the same first trials, five seeds.

Both are `make tune`: with `tune.random` as many as there are trials it draws all of them at random.
Best so far is of the inner folds, on which values are chosen; what counts is the score of rows that
had no say. A seed decides folds, draws and boosters; the table is the same.
"""

import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from folds.groups import GROUP
from folds.schema import ID, TARGET
from metrics.score_sheet import ScoreConfig
from models.networks.measure import ScoredRows, variant_sheet
from pipeline.stack_rows import open_stack
from stacking.tuning.space import USE
from stacking.use import SCORE
from tests.bench.drawn import AS_STAGES, ROOT, files_of, half, is_small, make_ready
from tests.bench.record import in_child, keep, stage_options
from workspace.machine import lent_cores

SEEDS, TRIALS, FOLDS = 5, 30, 3
FEW_SEEDS, FEW = 2, 3  # of a small run
TPE, RANDOM = "TPE", "random search"
KINDS = ("tuned", "stack")  # boosters by the best values, and by the recipe's own


@dataclass(frozen=True)
class Searched:
    """What one call came to: its trials, and what its boosters and the recipe's own are worth."""

    trials: pl.DataFrame
    tuned: ScoredRows
    own: ScoredRows
    processor_s: float


def run() -> None:
    """Both ways for every seed, as many calls at a time as there are cores."""
    seeds, trials = (FEW_SEEDS, FEW) if is_small() else (SEEDS, TRIALS)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        make_ready(stage_options(place, "tabular", *half()))
        asked = [(way, seed) for seed in range(seeds) for way in (TPE, RANDOM)]
        with ThreadPoolExecutor(lent_cores()) as pool:
            each = list(pool.map(lambda one: _searched(place, one[0], one[1], trials), asked))
    ways = {way: each[number::2] for number, way in enumerate((TPE, RANDOM))}
    one = ways[TPE][0].own
    keep(
        "tuning_search",
        "TPE beside random search",
        f"{(__doc__ or '').strip()} Recipe tabular with {', '.join(half())}, {FOLDS} folds: "
        f"{len(one.true):,} rows, {one.true.sum()} positives; {seeds} seeds, {trials} trials a "
        f"study, of which the first {trials // 3} are the same on both sides. Best so far is the "
        f"mean over the studies of a seed, {FOLDS} for a fold and one for all. Intervals of the "
        "last rows hold the luck of patients and of seeds.",
        rows_of(ways, trials),
        small=is_small(),
    )


def rows_of(ways: Mapping[str, Sequence[Searched]], trials: int) -> list[dict[str, object]]:
    """Best so far after a third, two thirds and all; then what it is worth, and what it cost."""
    rows = []
    for number in (trials * third // 3 for third in (1, 2, 3)):
        best = {way: [best_so_far(o.trials, number) for o in each] for way, each in ways.items()}
        rows.append(_beside(f"best inner pAUC after {number} trials (optimistic)", best))
    rows += [_worth(ways), _brought(ways)]
    met = {way: [columns_met(one.trials) for one in each] for way, each in ways.items()}
    rows.append(_beside("share of trials on columns of an earlier one of their study", met))
    used = {way: [one.processor_s for one in each] for way, each in ways.items()}
    rows.append(_beside("processor s of the call", used))
    return rows


def best_so_far(trials: pl.DataFrame, number: int) -> float:
    """The best of the first so many trials, the mean over the studies."""
    first = trials.filter(pl.col("number") < number)
    return statistics.mean(first.group_by("study").agg(pl.col("pauc").max())["pauc"].drop_nulls())


def columns_met(trials: pl.DataFrame) -> float:
    """The share of trials whose columns, and so its bins, an earlier one of their study had."""
    families = [name for name in trials.columns if name.startswith(f"{USE}.")]
    return 1 - len(trials.unique(["study", *families])) / len(trials)


def _beside(what: str, by_way: Mapping[str, Sequence[float]]) -> dict[str, object]:
    more = [ours - theirs for ours, theirs in zip(by_way[TPE], by_way[RANDOM], strict=True)]
    means = {way: f"{statistics.mean(each):.4g}" for way, each in by_way.items()}
    return {"what": what, **means, f"{TPE} minus {RANDOM}": f"{statistics.mean(more):.4f}",
            "by seed": ", ".join(f"{one:.4f}" for one in more)}  # fmt: skip


def _worth(ways: Mapping[str, Sequence[Searched]]) -> dict[str, object]:
    ours, theirs = ([one.tuned for one in ways[way]] for way in (TPE, RANDOM))
    sheet, other = _sheet(theirs, ours), _sheet(ours, theirs)
    return {
        "what": "pAUC of rows without a say, by the best of all trials",
        TPE: _interval(sheet["value"]),
        RANDOM: _interval(other["value"]),
        f"{TPE} minus {RANDOM}": _interval(sheet["minus_whole"]),
        "by seed": ", ".join(f"{one:.4f}" for one in sheet["by_seed"]),
    }


def _brought(ways: Mapping[str, Sequence[Searched]]) -> dict[str, object]:
    sheets = {
        way: _sheet([one.own for one in each], [one.tuned for one in each])
        for way, each in ways.items()
    }
    return {
        "what": "the same minus that of the recipe's own values",
        **{way: _interval(sheet["minus_whole"]) for way, sheet in sheets.items()},
        f"{TPE} minus {RANDOM}": "-",
        "by seed": "-",
    }


def _sheet(whole: list[ScoredRows], other: list[ScoredRows]) -> dict[str, Any]:
    return variant_sheet("auc", whole, other, ("0", "1"), ScoreConfig(), "pauc")


def _interval(sheet: Mapping[str, Any]) -> str:
    return f"{sheet['value']:.4f} [{sheet['low']:.4f}, {sheet['high']:.4f}]"


def _searched(place: Path, way: str, seed: int, trials: int) -> Searched:
    """Values are drawn by the run's name among others, so both ways call theirs the same."""
    run = f"{way.replace(' ', '_')}/seed_{seed}"
    at_random = trials if way == RANDOM else trials // 3
    settings = [*half(), f"seed={seed}", f"folds.n_folds={FOLDS}", f"tune.trials={trials}",
                f"tune.random={at_random}", "score.replicates=100"]  # fmt: skip
    options = stage_options(place, "tabular", *settings, run=run)
    command = [sys.executable, "-m", "scripts.tune", "--jobs", "1", *options]
    child = in_child(command, cwd=ROOT, env={**AS_STAGES, "OMP_NUM_THREADS": "1"})
    print(f"{run}: {child.seconds:.0f} s, {child.processor_s:.0f} CPU-s", flush=True)
    table = pl.read_parquet(place / run / "tune" / "trials.parquet")
    tuned, own = (_scored(place / run, kind) for kind in KINDS)
    return Searched(table, tuned, own, child.processor_s)


def _scored(run: Path, kind: str) -> ScoredRows:
    """What boosters of this kind say of the rows of the folds that they never saw."""
    rows = open_stack(files_of(run)).rows.sort(ID)
    tables = [
        pl.read_parquet(folder / "scores.parquet")
        for folder in sorted((run / "boosters").glob(f"{kind}_fold_*"))
    ]
    scored = rows.join(pl.concat(tables), on=ID, how="left", validate="1:1", maintain_order="left")
    score, true = scored[SCORE].to_numpy(), scored[TARGET].cast(pl.Int64).to_numpy()
    return ScoredRows(true, pl.DataFrame([1 - score, score]).to_numpy(), scored[GROUP])
