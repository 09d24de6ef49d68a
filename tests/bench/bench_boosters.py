"""XGBoost, CatBoost and logistic regression beside LightGBM: one fold of the full-size table each.

Each in a process of its own, by turns, with the library's own number of threads. What the fold's
held-out rows got is scored, so that no booster is quick at the price of its scores.
"""

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from folds.groups import GROUP
from folds.schema import ID, TARGET
from metrics.bootstrap import Interval, difference, intervals
from metrics.cohort import cohort
from metrics.ranking import ranking_tally
from pipeline.stack_rows import open_stack
from stacking.boosters.booster import BoosterConfig
from stacking.boosters.known import BOOSTERS, DEFAULT
from stacking.config import StackConfig
from stacking.fold import Trained, train_fold
from stacking.matrix import Matrix
from stacking.use import FOLD, SCORE
from tests.bench.drawn import AS_STAGES, ROOT, files_of, is_small, make_ready, of_size, rows_asked
from tests.bench.record import full_size, in_child, keep

TURNS, HELD_OUT, SEED = 3, 0, 0
ONCE = "set_attention"  # a network: minutes a fold, where trees take seconds
STACK = StackConfig(seeds=1, shap_rows=0)
ALONE = "no booster"  # the table opened, and no more


@dataclass(frozen=True)
class Cost:
    """Of one fold: its training and scoring by its own watch, the peak of the whole process."""

    processor_s: float
    seconds: float
    peak_gb: float


def run() -> None:
    """Draw the table once; each turn has every booster once."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        make_ready(full_size(place, *of_size(rows_asked())))
        table = _grown(place, ALONE)
        turns = [
            {name: _grown(place, name) for name in BOOSTERS if name != ONCE or turn == 0}
            for turn in range(TURNS)
        ]
        stack = open_stack(files_of(place / "run"))
        held = stack.rows.filter(pl.col(FOLD) == HELD_OUT)
        scores = {name: pl.read_parquet(_scores(place, name)) for name in BOOSTERS}
    keep(
        "boosters",
        "Boosters on one fold of the full-size table",
        f"{len(stack.rows):,} drawn rows with {len(stack.columns)} columns; fold {HELD_OUT} of "
        f"{len(stack.fold_numbers)} is held out: {len(held):,} rows, {held[TARGET].sum()} "
        "positives. Each booster by its default settings with one seed, rows sampled by default: "
        f"binned, grown, and the held-out rows scored, the medians of {TURNS} turns, of "
        f"{ONCE} the first alone. XGBoost and "
        "logistic regression grow a model by one thread, the others by all cores. The peak is the "
        f"whole process's, of which the table, opened alone, takes {table.peak_gb:.3g} GB. "
        "Intervals are drawn by patient, on the same draws.",
        rows_of(turns, scored(held, scores)),
        small=is_small(),
    )


def rows_of(
    turns: Sequence[Mapping[str, Cost]], worth: Mapping[str, tuple[Interval, Interval | None]]
) -> list[dict[str, object]]:
    """A row for each booster; ratios are to LightGBM, turn by turn."""
    rows: list[dict[str, object]] = []
    for name, (pauc, more) in worth.items():
        own, first = ([turn[one] for turn in turns if name in turn] for one in (name, DEFAULT))
        pairs = list(zip(own, first, strict=True))
        rows.append({
            "booster": name,
            "processor s": statistics.median(one.processor_s for one in own),
            f"times {DEFAULT}'s": statistics.median(
                one.processor_s / other.processor_s for one, other in pairs),
            "s on the wall": statistics.median(one.seconds for one in own),
            f"times {DEFAULT}'s on the wall": statistics.median(
                one.seconds / other.seconds for one, other in pairs),
            "peak GB": max(one.peak_gb for one in own),
            "pAUC": str(pauc),
            f"pAUC minus {DEFAULT}'s": "-" if more is None else str(more),
        })  # fmt: skip
    return rows


def scored(
    held: pl.DataFrame, scores: Mapping[str, pl.DataFrame]
) -> dict[str, tuple[Interval, Interval | None]]:
    """Of each booster the pAUC of these rows, and by how much it is above LightGBM's, paired."""
    target = held[TARGET].to_numpy()
    whose = cohort(held[GROUP], target)
    tallies = {}
    for name, table in scores.items():
        rows = held.join(table, on=ID, how="left", validate="1:1", maintain_order="left")
        tallies[name] = ranking_tally(target, rows[SCORE].to_numpy(), whose)
    more = {name: difference(tallies[DEFAULT], one) for name, one in tallies.items()}
    own, minus = intervals(tallies, whose), intervals(more, whose)
    return {
        name: (own[name]["pauc"], None if name == DEFAULT else minus[name]["pauc"])
        for name in scores
    }


def _scores(place: Path, name: str) -> Path:
    return place / f"{name}.parquet"


def _grown(place: Path, name: str) -> Cost:
    """What a process of its own says; it leaves the scores."""
    words = [str(place / "run"), name, str(_scores(place, name))]
    command = [sys.executable, "-m", "tests.bench.bench_boosters", *words]
    child = in_child(command, cwd=ROOT, env=AS_STAGES)
    used, seconds = json.loads(child.output.splitlines()[-1])
    print(f"{name}: {used:.1f} CPU-s, {seconds:.1f} s, {child.peak_gb:.2f} GB", flush=True)
    return Cost(used, seconds, child.peak_gb)


def _grow(run: str, name: str, scores: str) -> None:
    matrix = open_stack(files_of(Path(run))).matrix
    if name == ALONE:
        print(json.dumps([0, 0]))
        return
    booster = BOOSTERS[name]()
    _fold(_few(matrix), booster.model_copy(update={"rounds": 1}))  # libraries load at first use
    started, used = time.perf_counter(), time.process_time()
    trained = _fold(matrix, booster)
    took = time.process_time() - used, time.perf_counter() - started
    trained.scores.write_parquet(scores)
    print(json.dumps(took))


def _few(matrix: Matrix) -> Matrix:
    """The positives of all folds, and of other rows one in a hundred."""
    keep_row = matrix.rows[TARGET].to_numpy() == 1
    keep_row |= np.arange(len(matrix.rows)) % 100 == 0
    rows = matrix.rows.filter(pl.Series(keep_row))
    return Matrix(rows, matrix.columns, matrix.values[keep_row])


def _fold(matrix: Matrix, booster: BoosterConfig) -> Trained:
    return train_fold(matrix, HELD_OUT, STACK, booster, SEED, lambda *_: None)


if __name__ == "__main__":
    _grow(*sys.argv[1:])
