"""`python -m tests.bench [theme ...]`: the named themes, or all that take minutes."""

import sys

from tests.bench import (
    bench_audit,
    bench_boosters,
    bench_browser,
    bench_features,
    bench_full_size,
    bench_ground_floor,
    bench_metrics,
    bench_networks,
    bench_offline,
    bench_pace,
    bench_pixels,
    bench_real_table,
    bench_seeds,
    bench_stack,
    bench_student,
    bench_tabular,
    bench_training,
    bench_tuning,
    bench_tuning_search,
)

THEMES = {
    "ground_floor": bench_ground_floor.run,
    "audit": bench_audit.run,
    "search": bench_audit.run_search,
    "metrics": bench_metrics.run,
    "pixels": bench_pixels.run,
    "loading": bench_pixels.run_loading,
    "features": bench_features.run,
    "stack": bench_stack.run,
    "boosters": bench_boosters.run,
    "tuning": bench_tuning.run,
    "tuning_search": bench_tuning_search.run,
    "tabular": bench_tabular.run,
    "networks": bench_networks.run,
    "training": bench_training.run,
    "pace": bench_pace.run,
    "browser": bench_browser.run,
    "student": bench_student.run,
}
HOURS = {
    "offline": bench_offline.run,
    "seeds": bench_seeds.run,
    "real_table": bench_real_table.run,
    "full_size": bench_full_size.run,
}

if __name__ == "__main__":  # not in the processes that a theme spawns
    for theme in sys.argv[1:] or THEMES:
        (THEMES | HOURS)[theme]()
