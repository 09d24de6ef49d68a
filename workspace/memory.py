"""How much memory this process holds, and how much more it held meanwhile, as Linux counts it.

Files that it has mapped count as far as they lie in memory, libraries among them. Elsewhere than on
Linux nobody says, and nothing is measured.
"""

import resource
from collections.abc import Callable
from pathlib import Path

STATUS = Path("/proc/self/status")
GB = 2**30
KIB = 2**10


def held_gb() -> float:
    """What this process holds now; 0 where nobody knows."""
    return (_status("VmRSS") or 0) / GB


def watched_peak() -> Callable[[], float | None]:
    """What says by how many GB more were held since now; None where nobody knows.

    What was held before is not of this time: a notebook's tables, what tasks before left. The
    system keeps the peak of a process's whole life, which is of this time where it has grown. It
    could be told to begin anew, but then whoever measures the process from outside would err.
    """
    before, peak_before, children_before = _status("VmRSS"), _status("VmHWM"), _of_children()

    def peak_gb() -> float | None:
        peak, children = _status("VmHWM"), _of_children()
        if before is None or peak is None or peak_before is None:
            return None
        # Of those that have ended the system keeps the largest alone, and counts what this process
        # held as theirs until they became another program.
        others = children if children > max(peak, children_before) else 0
        own = peak - before if peak > peak_before else 0
        return round((own + others) / GB, 3) if own + others else None

    return peak_gb


def _of_children() -> int:
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * KIB


def _status(name: str) -> int | None:
    try:
        lines = STATUS.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return None
    words = next((line.split() for line in lines if line.startswith(f"{name}:")), None)
    return int(words[1]) * KIB if words else None
