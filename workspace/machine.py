"""What this process may use of the machine, and how several processes share it.

A worker finds in its environment among how many the machine is divided.
"""

import os

READERS = 8  # more do not read faster
JOBS, THREADS = "DERMSTACK_JOBS", "DERMSTACK_THREADS"  # in the environment of a worker


def cores() -> int:
    """Cores for this process: in a container or a batch job not all, in a worker its share."""
    known = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else ()
    return max(1, (len(known) or os.cpu_count() or 1) // jobs())


def jobs() -> int:
    """Among how many processes the machine is divided."""
    return _number(JOBS) or 1


def threads() -> int:
    """Threads that a network computes with: OMP_NUM_THREADS, or all cores.

    Its weights hang on their number by a rounding, so a worker takes as many as one process would.
    """
    return _number(THREADS) or _number("OMP_NUM_THREADS") or cores()


def _number(name: str) -> int | None:
    given = os.environ.get(name, "").partition(",")[0]
    return int(given) if given.isdecimal() and int(given) > 0 else None


def reading_processes() -> int:
    """How many threads or processes read pictures for one that works on them."""
    return min(READERS, cores())
