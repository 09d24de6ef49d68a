"""What a machine does to a run besides killing it: a full disk, one that may only be read, a clock
that jumps, a kernel that takes memory back. Each is really made, with root's rights, or said to be
lacking; so are the file systems of `mount` and the memory groups of Linux.
"""

import itertools
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

GROUPS = Path("/sys/fs/cgroup/memory")  # version 1; a machine with version 2 alone lacks it
FULL = re.compile(
    r"^[a-z-]+: (Cannot write .*: No space left on device; |.* take .* has .* free; make room).*\.$"
)
LARGE = re.compile(r"^[a-z-]+: Cannot write .*: File too large; .*\.$")
WORKER = re.compile(r"^[a-z-]+: The process that made .* was killed, perhaps for want of memory; ")
READ_ONLY = re.compile(
    r"^[a-z-]+: (Cannot write .*: Read-only file system; |.* may only be read; )"
)


def may_mount() -> bool:
    """Whether file systems can be made here."""
    return os.geteuid() == 0 and shutil.which("mount") is not None


@contextmanager
def disk(folder: Path, size: str) -> Iterator[None]:
    """A file system of its own at an empty folder, which takes no more than this."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


def remount(folder: Path, options: str) -> None:
    """With another size, or for reading alone."""
    subprocess.run(["mount", "-o", f"remount,{options}", folder], check=True)


def file_limit(size: int) -> None:
    """No file may be larger; a write beyond is an error, as on a full disk."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def wandering_clock(seed: int) -> None:
    """Each look at the wall's clock is up to a year before or after it."""
    true, rng = time.time, random.Random(seed)
    time.time = lambda: true() + rng.uniform(-3e7, 3e7)


def set_times(folder: Path, seconds: float) -> None:
    """All files are of that time."""
    for parent, folders, names in os.walk(folder):
        for name in itertools.chain(folders, names):
            os.utime(Path(parent, name), (seconds, seconds))


def may_group() -> bool:
    """Whether memory can be limited here."""
    return os.geteuid() == 0 and (GROUPS / "memory.limit_in_bytes").is_file()


@contextmanager
def memory_group(name: str, size: int) -> Iterator[Path]:
    """A group of processes that together may take so many bytes."""
    group = GROUPS / name
    group.mkdir()
    try:
        (group / "memory.limit_in_bytes").write_text(str(size))
        yield group
    finally:
        group.rmdir()


def join_group(group: Path) -> None:
    """This process, and what it starts."""
    (group / "cgroup.procs").write_text(str(os.getpid()))


@contextmanager
def workers_first(group: Path) -> Iterator[None]:
    """Of this group the kernel ends workers before the stage that began them (oom_score_adj)."""
    over = threading.Event()

    def mark() -> None:
        while not over.wait(0.01):
            members = (group / "cgroup.procs").read_text().split()
            for pid in members:
                with suppress(OSError):  # it has ended
                    if _parent(pid) in members:
                        Path(f"/proc/{pid}/oom_score_adj").write_text("1000")

    thread = threading.Thread(target=mark)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _parent(pid: str) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1]


def peak_of_group(group: Path) -> int:
    """Bytes that it took at most."""
    return int((group / "memory.max_usage_in_bytes").read_text())
