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
        rows = []
        for number in (size, size // 10):
            rows += tuning_bins.measured(place / str(number), number)
        rows.append(tuning_workers.measured(place / "workers"))
    keep(
        "tuning",
        "Trials of make tune",
        "Both sides by turns. A trial is measured on one of its five inner folds: codes, sample, "
        "boosters, scores; default settings and rounds. Bins are met where an earlier trial of the "
        "study and process had the same columns and what is kept has room for them; else a trial "
        "bins anew and the ratio is 1. With tune.families, the default, many trials have columns "
        "of their own (page tuning_search). Workers share a study on all folds of recipe tabular "
        f"with {', '.join(half())}.",
        rows,
        small=is_small(),
    )
