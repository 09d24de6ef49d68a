"""`python -m tests.bench [theme ...]`: all themes, or the named ones."""

import sys

from tests.bench import bench_audit, bench_ground_floor, bench_metrics

THEMES = {
    "ground_floor": bench_ground_floor.run,
    "audit": bench_audit.run,
    "metrics": bench_metrics.run,
}

for theme in sys.argv[1:] or THEMES:
    THEMES[theme]()
