"""A drawn table as the stack reads it, made ready by the stages in processes of their own.

`BENCH_ROWS=20000` asks for a smaller one, to see in a minute that a theme works; no page is kept
of it.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from pipeline.recipe import load_recipe
from pipeline.stack_rows import StackFiles
from tests.bench.record import in_child
from workspace.machine import ENVIRONMENT
from workspace.units import open_unit

ROOT = Path(__file__).resolve().parents[2]
SHAPE = load_recipe("full_size").synthetic
assert SHAPE is not None
FULL = SHAPE.rows
FEWEST = {"patients": 40, "rows": 400, "positives": 20}  # enough for five folds
# Recipe tabular's table halved, where a study takes seconds; and a tiny one for a trial run.
HALF = ("synthetic.patients=100", "synthetic.rows=2500", "synthetic.positives=120")
TINY = ("synthetic.patients=40", "synthetic.rows=480", "synthetic.positives=80")
AS_STAGES = {**ENVIRONMENT, **os.environ}  # how libraries wait; a stage asks for it by itself


def rows_asked() -> int:
    """How many rows a theme at full size is to have."""
    return int(os.environ.get("BENCH_ROWS", FULL))


def is_small() -> bool:
    """Whether this run only shows that a theme works."""
    return rows_asked() < FULL


def half() -> tuple[str, ...]:
    """Settings of recipe tabular for a study that takes seconds."""
    return TINY if is_small() else HALF


def of_size(rows: int) -> list[str]:
    """Settings of full_size for so many rows, its patients and positives in proportion."""
    counts = {
        name: max(fewest, round(getattr(SHAPE, name) * rows / FULL))
        for name, fewest in FEWEST.items()
    }
    return [f"synthetic.{name}={count}" for name, count in counts.items()]


def make_ready(options: Sequence[str]) -> None:
    """Draw the table, fold it, make its features."""
    for stage in ("folds", "features"):
        in_child([sys.executable, "-m", f"scripts.{stage}", *options], cwd=ROOT)


def files_of(run: Path) -> StackFiles:
    """What the stack of a run reads: all columns of its features, and no blocks."""
    samples, folded = open_unit(run / "samples", "verify"), open_unit(run / "folds", "folds")
    return StackFiles.of(samples, folded, open_unit(run / "features", "features"), (), ())
