"""A trial of `make tune` on bins of the trial before, beside one that bins its rows anew.

And how often trials meet such bins at all: each fold's study has bins of its own, and what is kept
has a limit.
"""

import json
import statistics
import sys
from functools import partial
from pathlib import Path

from pipeline.stack_rows import StackFiles, open_stack
from pipeline.tuning import _inner_folds
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


def measured(place: Path, rows: int) -> list[dict[str, object]]:
    """The rows of the page for a table of so many rows, drawn in this folder."""
    make_ready(full_size(place, *of_size(rows)))
    command = [sys.executable, "-m", "tests.bench.tuning_bins", str(place / "run")]
    seen = json.loads(in_child(command, cwd=ROOT, env=AS_STAGES).output.splitlines()[-1])
    table = f"{seen['rows']:,} rows x {seen['columns']} columns"
    return [
        {"what": f"one inner fold of a trial, {seen['rounds']} rounds, {table}: on kept bins; "
         "theirs: binned anew; processor s",
         "ours": seen["ours_s"], "theirs": seen["theirs_s"], "ratio": seen["ratio"],
         "pairs": seen["pairs"]},
        {"what": f"share of a nested call's trials, all of {table}, one process, that meet the "
         "bins of their study's trial before", "ours": seen["met"], "theirs": "-", "ratio": "-",
         "pairs": "-"},
    ]  # fmt: skip


def _measure(run: str) -> dict[str, object]:
    files = files_of(Path(run))
    matrix, booster, config = open_stack(files).matrix, BOOSTERS[DEFAULT](), TuneConfig()
    space = Space.of(DEFAULT, StackConfig(), booster, matrix.columns, config)
    setting = space.setting(space.own, config.seeds)
    kept, anew = partial(_trial, matrix, setting, {}), partial(_trial, matrix, setting, None)
    first, again = kept(), anew()  # the first fills the bins
    assert first.models == again.models
    seconds = paired(kept, anew, 1 if is_small() else PAIRS)
    rows, columns = matrix.values.shape
    return {**seconds, "rounds": booster.rounds, "rows": rows, "columns": columns,
            "met": met(files, setting)}  # fmt: skip


def met(files: StackFiles, setting: Setting) -> float:
    """Of the second trial of each study, in the order of `make tune`: the first's bins are there.

    Nothing is grown: bins are kept with the rows that a study opens.
    """
    studies = (*open_stack(files).fold_numbers, None)
    first, second = ([_inner_folds(files, outer, setting) for outer in studies] for _ in range(2))
    return statistics.mean(one is other for one, other in zip(first, second, strict=True))


def _trial(matrix: Matrix, setting: Setting, bins: dict[int, Binned] | None) -> Trained:
    return train_fold(matrix, FOLD, setting.stack, setting.booster, 0, lambda *_: None, bins=bins)


if __name__ == "__main__":
    print(json.dumps(_measure(*sys.argv[1:])))
