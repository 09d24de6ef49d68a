"""What a container or a batch job may use of its machine, as Linux' control groups say it.

Version 2 and 1; a limit of a group above counts as well. Where there are none, nothing is limited.
"""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

MOUNT, OWN = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")


def cpu_quota() -> float | None:
    """How many cores' time."""
    quotas = []
    for folder in _folders("cpu"):
        quota, _, period = _text(folder / "cpu.max").partition(" ")
        quota = quota or _text(folder / "cpu.cfs_quota_us")
        period = period or _text(folder / "cpu.cfs_period_us")
        if quota.isdecimal() and period.isdecimal() and int(period):  # not "max", not -1
            quotas.append(int(quota) / int(period))
    return min(quotas, default=None)


def memory_limit() -> int | None:
    """How many bytes."""
    limits = [
        int(text)
        for folder in _folders("memory")
        for name in ("memory.max", "memory.limit_in_bytes")
        if (text := _text(folder / name)).isdecimal()
    ]
    return min(limits, default=None)


def _folders(controller: str) -> Iterator[Path]:
    """This process's groups and those above; a container sees its own as the uppermost."""
    yield MOUNT
    yield MOUNT / controller
    for line in _text(OWN).splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            root = MOUNT
        elif controller in controllers.split(","):
            root = MOUNT / controller
        else:
            continue
        inside = PurePosixPath(path.lstrip("/"))
        yield from (root / each for each in (inside, *inside.parents))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""
