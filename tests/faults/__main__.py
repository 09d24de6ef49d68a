"""`make faults [SECONDS=1800] [JOBS=n]`: every fault that the suite knows, made, on one page.

Most of the time goes to kills, of JOBS stages side by side (left out: as many as there are cores);
the rest to damaged artefacts and to what a machine does.
Ends in 1 if anything was lost, hung, crashed or ended in a traceback.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

from workspace.machine import cores


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=1800.0)
    parser.add_argument("--jobs", type=int, default=cores(), help="stages killed side by side")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--small", action="store_true", help="print the page, keep none")
    asked = parser.parse_args()
    if asked.jobs < 1:
        parser.error("--jobs: 1 or more")
    # One thread, as the stages' tests: before anything is imported that reads it.
    os.environ["OMP_NUM_THREADS"] = "1"
    os.environ["HF_HUB_OFFLINE"] = "1"  # a suite would try for seconds to fetch weights
    from tests.bench.record import keep  # noqa: PLC0415
    from tests.faults import table  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as folder:
        rows = table.rows(Path(folder), asked.seconds, asked.jobs, asked.seed)
    keep("faults", table.TITLE, table.about(rows), rows, small=asked.small, target="faults")
    sys.exit(any(row["lost"] != table.NOTHING for row in rows))


if __name__ == "__main__":  # not in the processes that it spawns
    main()
