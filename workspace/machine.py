"""What this process may use of the machine, and how several processes share it.

A worker finds in its environment among how many the machine is divided.
"""

import math
import os
from pathlib import Path

from workspace.cgroup import cpu_quota, memory_limit

READERS = 8  # more do not read faster
JOBS = "DERMSTACK_JOBS"  # in the environment of a worker
MEMORY = Path("/proc/meminfo")
# Threads that wait for one another sleep: by default they spin, which takes the cores from whoever
# works, 2 to 8 times the CPU on a busy machine. And what OpenBLAS solves hangs by its last bits on
# how many threads add up; here one, since its matrices are small.
ENVIRONMENT = {"OMP_WAIT_POLICY": "PASSIVE", "OPENBLAS_NUM_THREADS": "1"}


def begin_process() -> None:
    """Before numpy and torch load, which read it then; what the user has set stays."""
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)


def cores() -> int:
    """Cores for this process: in a container or a batch job not all, in a worker its share."""
    known = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else ()
    allowed = len(known) or os.cpu_count() or 1
    quota = cpu_quota()
    if quota is not None:
        allowed = min(allowed, math.ceil(quota))
    return max(1, allowed // jobs())


def lent_cores() -> int:
    """Those that processes side by side may fill; OMP_NUM_THREADS is a user's or scheduler's no."""
    return min(cores(), _number("OMP_NUM_THREADS") or cores())


def lent_memory_gb() -> float:
    """What is free, and a container allows; endless where nobody says."""
    free = math.inf
    if MEMORY.is_file():
        lines = dict(line.split(":", 1) for line in MEMORY.read_text().splitlines())
        free = int(lines["MemAvailable"].split()[0]) * 1024
    return min(free, memory_limit() or math.inf) / 2**30


def jobs() -> int:
    """Among how many processes the machine is divided."""
    return _number(JOBS) or 1


def _number(name: str) -> int | None:
    given = os.environ.get(name, "").partition(",")[0]
    return int(given) if given.isdecimal() and int(given) > 0 else None


def reading_processes(busy: int = 0) -> int:
    """How many threads or processes read pictures for one that keeps so many cores busy."""
    return min(READERS, max(1, cores() - busy))
