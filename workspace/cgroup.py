"""What a container or a batch job may use of its machine, as Linux' control groups say it.

Version 2 and 1; a limit of a group above counts as well. Where there are none, nothing is limited.
"""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

MOUNT, OWN = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")
_MEMORY = (
    ("memory.max", "memory.current"), ("memory.limit_in_bytes", "memory.usage_in_bytes"),
)  # fmt: skip


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


def memory_left() -> int | None:
    """How many bytes more: what the tightest group allows, less what is in it already."""
    left = []
    for folder in _folders("memory"):
        for limit, usage in _MEMORY:
            if (allowed := _text(folder / limit)).isdecimal():
                used = int(_text(folder / usage) or 0) - _dropped_when_needed(folder)
                left.append(max(0, int(allowed) - max(0, used)))
    return min(left, default=None)


def _dropped_when_needed(folder: Path) -> int:
    """Of a group and those below it: what was read of files, which the kernel lets go."""
    words = [line.split() for line in _text(folder / "memory.stat").splitlines()]
    known = {line[0]: int(line[1]) for line in words if len(line) == 2 and line[1].isdecimal()}
    ours = "total_" if "total_inactive_file" in known else ""  # version 1: with those below
    return sum(known.get(f"{ours}{kind}_file", 0) for kind in ("active", "inactive"))


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
