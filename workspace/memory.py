"""How much memory this process holds, and how much more it held meanwhile, as Linux counts it.

Files that it has mapped count as far as they lie in memory, libraries among them. Elsewhere than on
Linux nobody says, and nothing is measured.
"""

import resource
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

STATUS, RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")
GB = 2**30
KIB = 2**10
_ONE = threading.Lock()  # there is one peak in a process, and one who watches it


@contextmanager
def watching_peak() -> Iterator[Callable[[], float | None]]:
    """Yields what says by how many GB more were held since; None where nobody knows, or another
    watches.

    What was held before is not of this time: a notebook's tables, what tasks before left.
    """
    if not _ONE.acquire(blocking=False):
        yield lambda: None
        return
    try:
        yield partial(_peak_gb, _status("VmRSS"), _of_children()) if _began_anew() else lambda: None
    finally:
        _ONE.release()


def held_gb() -> float:
    """What this process holds now; 0 where nobody knows."""
    return (_status("VmRSS") or 0) / GB


def _began_anew() -> bool:
    """Whether the peak is from now on that of what follows."""
    try:
        RESET.write_text("5", encoding="ascii")
    except OSError:
        return False
    return True


def _peak_gb(before: int | None, children_before: int) -> float | None:
    """Of this process, and with it of the largest that it began and that has ended since.

    Of those the system keeps the largest alone, which is of this time where it is larger than any
    before; and it counts what this process held as theirs until they became another program.
    """
    own, children = _status("VmHWM"), _of_children()
    if own is None or before is None:
        return None
    others = children if children > max(own, children_before) else 0
    return round((max(0, own - before) + others) / GB, 3)


def _of_children() -> int:
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * KIB


def _status(name: str) -> int | None:
    try:
        lines = STATUS.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return None
    words = next((line.split() for line in lines if line.startswith(f"{name}:")), None)
    return int(words[1]) * KIB if words else None
