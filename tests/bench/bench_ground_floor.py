"""Full-size table: read, verify and fold, beside the plain way that checks nothing.

The plain way is what public notebooks do: let the reader guess the types, then fold on strings.
"""

import shutil
import sys
import tempfile
from pathlib import Path

from tests.bench.record import full_size, in_child, keep

ROOT = Path(__file__).resolve().parents[2]
PLAIN = """
import sys
import polars as pl
from sklearn.model_selection import StratifiedGroupKFold
t = pl.read_csv(sys.argv[1], infer_schema_length=None, null_values=["NA"])
splitter = StratifiedGroupKFold(5, shuffle=True, random_state=0)
folds = list(splitter.split(t["isic_id"], t["target"].to_numpy(), t["patient_id"].to_numpy()))
"""


def run() -> None:
    """Draw the table once, then measure each stage in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        options = full_size(place)

        def stage(name: str) -> dict[str, object]:
            child = in_child([sys.executable, "-m", f"scripts.{name}", *options], cwd=ROOT)
            return {"seconds": child.seconds, "peak GB": child.peak_gb}

        rows: list[dict[str, object]] = [
            {"what": "make sample (401,059 rows, no crops)", **stage("sample")},
            {"what": "make folds: read, verify, fold", **stage("folds")},
            {"what": "make folds again, 1st (hashes the CSV anew)", **stage("folds")},
            {"what": "make folds again, 2nd", **stage("folds")},
        ]
        plain = in_child([sys.executable, "-c", PLAIN, str(place / "data" / "train-metadata.csv")])
        rows.append(
            {
                "what": "the plain way, nothing checked or kept",
                "seconds": plain.seconds,
                "peak GB": plain.peak_gb,
            }
        )
        shutil.rmtree(place / "run")
    keep(
        "ground_floor",
        "Read, verify and fold the full-size table",
        "401,059 training and about 100,000 test rows. Each line is one process with its start-up; "
        "the plain way reads the training table only.",
        rows,
    )
