"""Two workers on one PostgreSQL beside one: how many trials a minute come of it, on the wall."""

import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

import polars as pl

from tests.bench.drawn import AS_STAGES, ROOT, half, is_small, make_ready
from tests.bench.record import in_child, stage_options
from tests.postgres import programs, server

TRIALS, AT_ONCE, PAIRS = 24, 4, 3
FEW = 2  # trials of a small run, which has one pair
WHAT = "trials a minute of calls on one PostgreSQL, each on one core: two calls; theirs: one"


def measured(place: Path) -> dict[str, object]:
    """The row of the page; where there is no PostgreSQL, why it is empty."""
    where = programs()
    if where is None or find_spec("psycopg") is None:
        lacks = "PostgreSQL" if where is None else "psycopg"
        return {"what": f"{WHAT}: not measured, this machine has no {lacks}",
                "ours": "-", "theirs": "-", "ratio": "-", "pairs": 0}  # fmt: skip
    settings, trials, pairs = half(), TRIALS, PAIRS
    if is_small():
        trials, pairs = FEW, 1
    make_ready(stage_options(place, "tabular", *settings))
    taken = []
    for _ in range(pairs):
        two, one = (_minutes(place, where, settings, trials, calls) for calls in (2, 1))
        taken.append((two, one))
    return row_of(taken, trials)


def row_of(taken: Sequence[tuple[float, float]], trials: int) -> dict[str, object]:
    """Of the minutes that two calls and one took, by turns."""
    return {
        "what": f"{WHAT}; {trials} trials, {AT_ONCE} at a time, with start and sum",
        "ours": statistics.median(trials / two for two, _ in taken),
        "theirs": statistics.median(trials / one for _, one in taken),
        "ratio": statistics.median(one / two for two, one in taken),
        "pairs": len(taken),
    }


def _minutes(place: Path, where: Path, settings: Sequence[str], trials: int, calls: int) -> float:
    """From the start of so many calls on one fresh run to the end of the last.

    Values are drawn by the run's name among others, so both sides call theirs the same.
    """
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory(dir=place) as fresh:
        run = Path(fresh) / "run"
        shutil.copytree(place / "run", run)
        own = ("tune.nested=false", f"tune.at_once={AT_ONCE}", f"tune.trials={trials}")
        options = stage_options(place, "tabular", *settings, *own, run=str(run.relative_to(place)))
        command = [sys.executable, "-m", "scripts.tune", "--jobs", "1", *options]
        with server(where, Path(folder)) as address, ThreadPoolExecutor(calls) as pool:
            given = {**AS_STAGES, "OMP_NUM_THREADS": "1", "STUDIES_ADDRESS": address}
            started = time.perf_counter()
            list(pool.map(lambda _: in_child(command, cwd=ROOT, env=given), range(calls)))
            took = time.perf_counter() - started
        assert len(pl.read_parquet(run / "tune" / "trials.parquet")) == trials
    return took / 60
