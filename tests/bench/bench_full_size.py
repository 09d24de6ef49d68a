"""The real competition's size with a picture for every row, from drawing to the report.

Each stage is a process of its own, which finds what the earlier ones left. What was measured is
kept beside the data, so that a theme that is stopped goes on: `BENCH_PLACE=folder` says where (else
a temporary folder), and `BENCH_ROWS=20000` takes fewer rows to see that it works.
"""

import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.drawn import FULL, ROOT, is_small, of_size, rows_asked
from tests.bench.record import Child, in_child, keep, stage_options
from tests.bench.tree import size_of

RECIPE = "full_size_pictures"
STAGES = {
    "sample": "make sample: draw tables and pictures",
    "verify": "make verify: read, look at every picture, near-duplicates",
    "folds": "make folds",
    "features": "make features",
    "train_cnn": "make train-cnn: a network for each of 5 folds, and its held-out rows",
    "embed": "make embed: every picture by the network that did not see it, test rows by all",
    "stack": "make stack: 5 folds x 3 seeds, baselines, intervals",
    "submission": "make submission",
    "report": "make report",
}
WORKER = "a worker's start: rows, index, first batch of 64 pictures"
LIMITED = "all stages on data.limit=2000, and every test row, after drawing"


def run() -> None:
    """Every stage once, then what a new worker waits for, then a rehearsal on few rows."""
    with place_asked() as place:
        options = stage_options(place, RECIPE, *of_size(rows_asked()))
        rows = [_row(words, _measured(place, stage, options)) for stage, words in STAGES.items()]
        rows.append(_row(WORKER, _worker(place, options)))
        rows.append(_row(LIMITED, _limited(place)))
    keep(
        "full_size",
        "The full size with pictures, stage by stage",
        f"{rows_asked():,} training rows of {FULL:,}, a JPEG for every row in one HDF5 file. Each "
        "line is all processes of one stage with start-up, hashing and checks; seconds on the "
        "wall and of the processors, of a machine that others may use too. Memory: the most at one "
        "time of what the processes have for themselves, and with the files that they have mapped "
        "(which the system drops when it needs the room). Disk: sent to it, and what is left.",
        rows,
        small=is_small(),
    )


@contextmanager
def place_asked() -> Iterator[Path]:
    """Where a theme keeps what it makes: a folder that was named, or one that goes with it."""
    if named := os.environ.get("BENCH_PLACE"):
        yield Path(named)
        return
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def _measured(place: Path, stage: str, options: list[str]) -> dict[str, float]:
    """What a stage costs, measured now if it was not before."""
    record = place / "measured" / f"{stage}.json"
    if not record.is_file():
        before = size_of(place)
        child = in_child([sys.executable, "-m", f"scripts.{stage}", *options], cwd=ROOT)
        print(child.output, flush=True)
        record.parent.mkdir(parents=True, exist_ok=True)
        record.write_text(json.dumps(_costs(child, size_of(place) - before)))
    costs: dict[str, float] = json.loads(record.read_text())
    return costs


def _costs(child: Child, left: int) -> dict[str, float]:
    return {
        "seconds": child.seconds,
        "processor s": child.processor_s,
        "own memory, GB": child.tree.own_gb,
        "with mapped files, GB": child.tree.with_files_gb,
        "processes": child.tree.processes - 1,  # but for the one that watches
        "written, GB": child.written_gb,
        "left, GB": left / 2**30,
    }


def _row(words: str, costs: dict[str, float]) -> dict[str, object]:
    return {"what": words, **costs}


def _worker(place: Path, options: list[str]) -> dict[str, float]:
    """A fresh process, its libraries loaded, until it has what it is to work on."""
    child = in_child([sys.executable, "-m", "tests.bench.full_size_worker", *options], cwd=ROOT)
    seconds, rows = json.loads(child.output.splitlines()[-1])
    print(f"A worker begins in {seconds:.2f} s on {rows:,} rows.")
    return _costs(child, 0) | {"seconds": seconds}


def _limited(place: Path) -> dict[str, float]:
    """Every stage but the drawing, on few of the rows."""
    size = of_size(rows_asked())
    options = stage_options(place, RECIPE, *size, "data.limit=2000", run="limited")
    every = [_measured_limited(place, stage, options) for stage in [*STAGES][1:]]
    most = {"own memory, GB", "with mapped files, GB", "processes"}
    return {key: (max if key in most else sum)(one[key] for one in every) for key in every[0]}


def _measured_limited(place: Path, stage: str, options: list[str]) -> dict[str, float]:
    before = size_of(place)
    child = in_child([sys.executable, "-m", f"scripts.{stage}", *options], cwd=ROOT)
    return _costs(child, size_of(place) - before)
