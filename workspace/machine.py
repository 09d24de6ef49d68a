"""What this process may use of the machine, and how several processes share it.

A worker finds in its environment among how many the machine is divided.
"""

import math
import os
from dataclasses import dataclass
from pathlib import Path

from workspace.cgroup import cpu_quota, memory_left
from workspace.errors import ConfigError
from workspace.memory import GB, KIB, held_gb

READERS = 8  # more do not read faster
JOBS = "DERMSTACK_JOBS"  # in the environment of a worker
CORES = "DERMSTACK_CORES"  # the same, where an engine says how many cores the worker has
MEMORY_GB = "DERMSTACK_MEMORY_GB"  # how much memory is lent, whatever is measured
# Of a task, or of the whole job on this node: SLURM binds processes to cores only where it is told.
SLURM_CORES = ("SLURM_CPUS_PER_TASK", "SLURM_CPUS_ON_NODE", "SLURM_JOB_CPUS_PER_NODE")
MEMORY = Path("/proc/meminfo")
# Threads that wait for one another sleep: by default they spin, which takes the cores from whoever
# works, 2 to 8 times the CPU on a busy machine. And what OpenBLAS solves hangs by its last bits on
# how many threads add up; here one, since its matrices are small. OpenCV's own would fight those
# that look at several pictures at a time.
ENVIRONMENT = {
    "OMP_WAIT_POLICY": "PASSIVE", "OPENBLAS_NUM_THREADS": "1", "OPENCV_FOR_THREADS_NUM": "1",
}  # fmt: skip
# OpenMP asks for the affinity alone, polars for a container's quota too, neither for SLURM's word.
POOLS = ("OMP_NUM_THREADS", "POLARS_MAX_THREADS")


def begin_process() -> None:
    """Before numpy, torch and polars load, which read it then; what is set already stays."""
    for name, value in {**ENVIRONMENT, **dict.fromkeys(POOLS, str(cores()))}.items():
        os.environ.setdefault(name, value)


def refuse_odd_numbers() -> None:
    """What somebody stated and nobody could follow."""
    for name in (JOBS, CORES, *POOLS):
        if (text := os.environ.get(name)) and not _number(name):
            raise ConfigError(f"{name}={text} is no whole number of 1 or more; mend or unset it.")
    if (text := os.environ.get(MEMORY_GB)) and not _decimal(MEMORY_GB):
        raise ConfigError(
            f"{MEMORY_GB}={text} is no number of GB; write {MEMORY_GB}=8, or unset it."
        )


def cores() -> int:
    """Cores for this process: in a container or a batch job not all, in a worker its share."""
    share = max(1, _allowed() // jobs())
    return min(share, _number(CORES) or share)


def _allowed() -> int:
    """By whoever says least: affinity, a container's quota, SLURM."""
    known = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else ()
    quota = cpu_quota()
    slurm = next(filter(None, map(_least, SLURM_CORES)), None)
    said = [len(known) or os.cpu_count(), None if quota is None else math.ceil(quota), slurm]
    return min((one for one in said if one is not None), default=1)


def _least(name: str) -> int | None:
    """SLURM lists nodes as `72(x2),36`, and which of them this is it says elsewhere."""
    given = os.environ.get(name, "").split(",")
    numbers = [_whole(one.partition("(")[0]) for one in given]
    return min(filter(None, numbers), default=None)


def lent_cores() -> int:
    """Those that processes side by side may fill; OMP_NUM_THREADS is a user's or scheduler's no."""
    return min(cores(), _number("OMP_NUM_THREADS") or cores())


@dataclass(frozen=True)
class Memory:
    """What is lent of it now, and by whom."""

    gb: float
    by: str


def lent_memory(*, swapping: bool = False) -> Memory:
    """By whoever says least: what is free, a container, SLURM; endless where nobody says.

    Who states it knows better. `swapping` counts what the kernel would move out before it kills.
    """
    stated = _decimal(MEMORY_GB)
    if stated is not None:
        return Memory(stated, MEMORY_GB)
    left = memory_left()
    said = [
        Memory(_free_gb(swapping), "what is free"),
        Memory(math.inf if left is None else left / GB, "its container's limit"),
        Memory(_slurm_gb(), "SLURM's limit of the job"),
    ]
    return min(said, key=lambda one: one.gb)


def lent_memory_gb() -> float:
    """The same, whoever lends it."""
    return lent_memory().gb


def _free_gb(swapping: bool) -> float:
    if not MEMORY.is_file():
        return math.inf
    lines = dict(line.split(":", 1) for line in MEMORY.read_text().splitlines())
    names = ("MemAvailable", "SwapFree") if swapping else ("MemAvailable",)
    return sum(int(lines.get(name, "0").split()[0]) for name in names) / 2**20


def _slurm_gb() -> float:
    """What the job has on this node, less what this process holds; SLURM says no more."""
    of_node = _decimal("SLURM_MEM_PER_NODE")  # in MB, as that of a core; 0: all there is
    of_core = _decimal("SLURM_MEM_PER_CPU")
    if of_node is None and of_core is not None:
        of_node = of_core * (_least("SLURM_CPUS_ON_NODE") or _allowed())
    return max(0.0, of_node / KIB - held_gb()) if of_node else math.inf


def _decimal(name: str) -> float | None:
    try:
        given = float(os.environ.get(name, ""))
    except ValueError:
        return None
    return given if 0 <= given < math.inf else None


def jobs() -> int:
    """Among how many processes the machine is divided."""
    return _number(JOBS) or 1


def divide(count: int) -> None:
    """This process is one of so many that share what was lent to the one that began them."""
    os.environ[JOBS] = str(jobs() * count)
    if stated := _number(CORES):
        os.environ[CORES] = str(max(1, stated // count))


def _number(name: str) -> int | None:
    return _whole(os.environ.get(name, "").partition(",")[0])


def _whole(text: str) -> int | None:
    return int(text) if text.isdecimal() and int(text) > 0 else None


def reading_processes(busy: int = 0) -> int:
    """How many threads or processes read pictures for one that keeps so many cores busy."""
    return min(READERS, max(1, cores() - busy))
