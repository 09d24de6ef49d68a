"""What makes trials of `make tune` quick: bins that are kept, and a second worker."""

import tempfile
from pathlib import Path

from tests.bench import tuning_bins, tuning_workers
from tests.bench.drawn import half, is_small, rows_asked
from tests.bench.record import keep


def run() -> None:
    """Each part in a folder of its own."""
    size = rows_asked()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        rows = [tuning_bins.measured(place / str(rows), rows) for rows in (size, size // 10)]
        rows.append(tuning_workers.measured(place / "workers"))
    keep(
        "tuning",
        "Trials of make tune",
        "Both sides by turns. A trial is measured on one of its five inner folds: codes, sample, "
        "boosters, scores; default settings and rounds. It meets kept bins where an earlier one "
        "of its study and process had the same columns; with tune.families, the default, most "
        "trials have columns of their own and bin anew, and then the ratio is 1 (page "
        "tuning_search says how many). Workers share a study on all folds of recipe tabular with "
        f"{', '.join(half())}.",
        rows,
        small=is_small(),
    )
