"""What a command costs with all processes that it starts: time, memory at its peak, bytes written.

Memory is the processes' proportional share (PSS), so that what they have in common counts once:
their own (anonymous) apart from files that they have mapped, which the system may drop at any time.
"""

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

PROC = Path("/proc")
EVERY_S = 0.5
GB = 2**20  # of the kB that Linux counts in


@dataclass
class Peak:
    """The most that the processes of a tree had at one time."""

    own_gb: float = 0.0
    with_files_gb: float = 0.0
    processes: int = 0
    _done: threading.Event = field(default_factory=threading.Event)

    def look(self, root: int) -> None:
        """Take note of what the tree has now."""
        pids = tree_of(root)
        shares = [_shares(pid) for pid in pids]
        own, all_of_it = (sum(one[name] for one in shares) / GB for name in ("Pss_Anon", "Pss"))
        self.own_gb = max(self.own_gb, own)
        self.with_files_gb = max(self.with_files_gb, all_of_it)
        self.processes = max(self.processes, len(pids))

    def follow(self, root: int) -> None:
        while not self._done.wait(EVERY_S):
            self.look(root)

    def stop(self) -> None:
        self._done.set()


@contextlib.contextmanager
def peak_of(root: int) -> Iterator[Peak]:
    """The peak of a process and all below it while this lasts."""
    peak = Peak()
    follower = threading.Thread(target=peak.follow, args=(root,), daemon=True)
    follower.start()
    try:
        yield peak
    finally:
        peak.stop()
        follower.join()


def tree_of(root: int) -> list[int]:
    """A process and all below it that are alive."""
    below: dict[int, list[int]] = {}
    for path in PROC.iterdir():
        if path.name.isdigit() and (parent := _parent(path)) is not None:
            below.setdefault(parent, []).append(int(path.name))
    tree = [root]
    for pid in tree:
        tree += below.get(pid, [])
    return tree


def size_of(folder: Path) -> int:
    """Bytes of all files below; those that come and go meanwhile are left out."""
    sizes = []
    for path in folder.rglob("*") if folder.is_dir() else ():
        with contextlib.suppress(FileNotFoundError):
            sizes.append(path.stat().st_size if path.is_file() else 0)
    return sum(sizes)


def _parent(path: Path) -> int | None:
    try:
        # After the name, which may hold anything and ends with the last bracket.
        return int((path / "stat").read_text().rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return None


def _shares(pid: int) -> dict[str, int]:
    """kB by name; nothing of a process that has ended."""
    shares = dict.fromkeys(("Pss", "Pss_Anon"), 0)
    with contextlib.suppress(FileNotFoundError, ProcessLookupError, PermissionError):
        for line in (PROC / str(pid) / "smaps_rollup").read_text().splitlines():
            name, _, rest = line.partition(":")
            if name in shares:
                shares[name] = int(rest.split()[0])
    return shares
