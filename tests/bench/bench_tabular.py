"""The full-size table from CSV to submission, stage by stage: time and peak memory of each."""

import sys
import tempfile
from pathlib import Path

from tests.bench.record import full_size, in_child, keep

ROOT = Path(__file__).resolve().parents[2]
STAGES = {
    "sample": "make sample (tables only)",
    "folds": "make folds: read, verify, fold",
    "features": "make features: the default families, train and test",
    "stack": "make stack: 5 folds x 5 seeds, two baselines of boosters, intervals",
    "submission": "make submission: order, write, check",
}


def run() -> None:
    """Each stage in a process of its own, which finds what the earlier ones left."""
    rows: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        options = full_size(place)
        for stage, words in STAGES.items():
            child = in_child([sys.executable, "-m", f"scripts.{stage}", *options], cwd=ROOT)
            rows.append({"what": words, "seconds": child.seconds, "peak GB": child.peak_gb})
            print(child.output)
    keep(
        "tabular",
        "The full-size table from CSV to submission",
        "401,059 training rows of 1,042 patients, about 100,000 test rows, drawn by `make sample`. "
        "Each line is one process with its start-up, its hashing and its checks.",
        rows,
    )
