"""How a measurement is taken and kept: ratios from paired runs, JSON beside a page.

Both sides are measured in processor seconds of this process, so that what else the machine does
is not counted. Where threads or processes are the point, wall time is asked for and said.
"""

import datetime
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.bench.tree import Peak, peak_of
from workspace.manifest import current_code, current_versions

PAGES = Path(__file__).resolve().parents[2] / "docs" / "benchmarks"


@dataclass(frozen=True)
class Child:
    """What one process cost."""

    seconds: float  # on the wall
    processor_s: float
    peak_gb: float
    written_gb: float  # to the disk, by all of them; 0 where nobody counts
    output: str
    tree: Peak  # of all its processes at one time


# Linux counts in a process's peak what the one had that started it, so a small one starts it.
_WATCHED = """
import json, os, subprocess, sys, time
started = time.perf_counter()
child = subprocess.Popen(sys.argv[2:])
_, status, used = os.wait4(child.pid, 0)
cost = [time.perf_counter() - started, used.ru_utime + used.ru_stime, used.ru_maxrss / 2**20, 0]
if os.path.exists("/proc/self/io"):
    counts = dict(line.split(": ") for line in open("/proc/self/io").read().splitlines())
    cost[-1] = int(counts["write_bytes"]) / 2**30
with open(sys.argv[1], "w") as file:
    json.dump(cost, file)
sys.exit(os.waitstatus_to_exitcode(status))
"""


def in_child(command: list[str], **options: object) -> Child:
    """Run a command, with its times and the peak of its resident memory."""
    with tempfile.NamedTemporaryFile("r") as cost:
        watched = [sys.executable, "-S", "-c", _WATCHED, cost.name, *command]
        with subprocess.Popen(watched, stdout=subprocess.PIPE, text=True, **options) as process:
            assert process.stdout is not None
            with peak_of(process.pid) as peak:
                output = process.stdout.read()
        if process.returncode:
            raise SystemExit(f"{' '.join(command)} ended with {process.returncode}:\n{output}")
        return Child(*json.load(cost), output, peak)


def paired(
    ours: Callable[[], object],
    theirs: Callable[[], object],
    times: int = 5,
    clock: Callable[[], float] = time.process_time,
) -> dict[str, float]:
    """Median seconds of both sides, measured by turns, and the median of the paired ratios.

    Processor seconds of all threads of this process; `clock=time.perf_counter` is the wall's, for
    sides that differ in how they use several cores.
    """
    pairs = []
    for _ in range(times):
        seconds = []
        for side in (ours, theirs):
            started = clock()
            side()
            seconds.append(clock() - started)
        pairs.append(seconds)
    return {
        "ours_s": statistics.median(pair[0] for pair in pairs),
        "theirs_s": statistics.median(pair[1] for pair in pairs),
        "ratio": statistics.median(pair[1] / pair[0] for pair in pairs),
        "pairs": times,
    }


def stage_options(place: Path, recipe: str, *settings: str, run: str = "run") -> list[str]:
    """The options of a stage on a recipe's table, drawn and kept in this folder."""
    chosen = (f"data.folder={place / 'data'}", *settings)
    words = [word for setting in chosen for word in ("--set", setting)]
    return ["--recipe", recipe, "--run", str(place / run), *words]


def full_size(place: Path, *settings: str) -> list[str]:
    """Those on the full-size table."""
    return stage_options(place, "full_size", *settings)


def keep(
    theme: str, title: str, told: str, rows: list[dict[str, object]], *, small: bool = False,
    target: str = "bench",
) -> None:  # fmt: skip
    """Write `<theme>_<hardware>_<yyyymm>.json` and the same as a page.

    `small`: of less than what the page is about, to see that a theme works; printed alone.
    """
    month = datetime.datetime.now(tz=datetime.UTC).strftime("%Y%m")
    bfloat16 = "_bfloat16" if "bf16" in _arithmetic() else ""  # networks are another thing there
    name = f"{theme}_{os.cpu_count()}cores{bfloat16}_{month}"
    facts = {
        "command": f"make {target} ({' '.join(sys.argv[1:]) or 'all'})",
        "machine": f"{os.cpu_count()} cores, {platform.machine()}{_arithmetic()}, "
        f"{platform.system()}",
        "commit": current_code().commit,
        "versions": current_versions(),
    }
    header = list(rows[0])
    lines = [
        f"# {title}",
        "",
        told,
        "",
        "| " + " | ".join(header) + " |",
        "|" + "---|" * len(header),
        *("| " + " | ".join(_cell(row[key]) for key in header) + " |" for row in rows),
        "",
        f"{facts['machine']}; commit {str(facts['commit'])[:10]}; {facts['command']}; "
        + ", ".join(f"{key} {value}" for key, value in current_versions().items())
        + ".",
        "",
    ]
    print("\n".join(lines))
    if small:
        return
    PAGES.mkdir(parents=True, exist_ok=True)
    (PAGES / f"{name}.json").write_text(json.dumps({**facts, "rows": rows}, indent=2) + "\n")
    (PAGES / f"{name}.md").write_text("\n".join(lines))


def _arithmetic() -> str:
    """What of a processor decides about networks' speed, where Linux tells it."""
    known = Path("/proc/cpuinfo")
    words = set(known.read_text().split()) if known.is_file() else set()
    seen = [name for name in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if name in words]
    return f" with {' '.join(seen)}" if seen else ""


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) else str(value)
