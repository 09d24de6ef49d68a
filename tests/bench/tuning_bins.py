"""A trial of `make tune` on bins of the trial before, beside one that bins its rows anew."""

import json
import sys
from functools import partial
from pathlib import Path

from pipeline.stack_rows import open_stack
from stacking.boosters.booster import Binned
from stacking.boosters.known import BOOSTERS, DEFAULT
from stacking.config import StackConfig
from stacking.fold import Trained, train_fold
from stacking.matrix import Matrix
from stacking.tuning.config import TuneConfig
from stacking.tuning.space import Setting, Space
from tests.bench.drawn import AS_STAGES, ROOT, files_of, is_small, make_ready, of_size
from tests.bench.record import full_size, in_child, paired

PAIRS, FOLD = 3, 0


def measured(place: Path, rows: int) -> dict[str, object]:
    """The row of the page for a table of so many rows, drawn in this folder."""
    make_ready(full_size(place, *of_size(rows)))
    command = [sys.executable, "-m", "tests.bench.tuning_bins", str(place / "run")]
    seen = json.loads(in_child(command, cwd=ROOT, env=AS_STAGES).output.splitlines()[-1])
    return {
        "what": f"one inner fold of a trial, {seen['rounds']} rounds, {rows:,} rows x "
        f"{seen['columns']} columns: on kept bins; theirs: binned anew; processor s",
        "ours": seen["ours_s"],
        "theirs": seen["theirs_s"],
        "ratio": seen["ratio"],
        "pairs": seen["pairs"],
    }


def _measure(run: str) -> dict[str, object]:
    matrix = open_stack(files_of(Path(run))).matrix
    booster, config = BOOSTERS[DEFAULT](), TuneConfig()
    space = Space.of(DEFAULT, StackConfig(), booster, matrix.columns, config)
    setting = space.setting(space.own, config.seeds)
    kept, anew = (partial(_trial, matrix, setting, bins) for bins in ({}, None))
    first, again = kept(), anew()  # the first fills the bins
    assert first.models == again.models
    found = paired(kept, anew, 1 if is_small() else PAIRS)
    return {**found, "rounds": booster.rounds, "columns": len(matrix.columns)}


def _trial(matrix: Matrix, setting: Setting, bins: dict[int, Binned] | None) -> Trained:
    return train_fold(
        matrix, FOLD, setting.stack, setting.booster, 0, lambda *_: None, bins=bins
    )  # fmt: skip


if __name__ == "__main__":
    print(json.dumps(_measure(*sys.argv[1:])))
