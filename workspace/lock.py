"""One process at a time at a unit, here or on another machine with the same folder.

The kernel holds the lock (flock) and lets go of it when its owner dies, however it dies; the
file's text only says who the owner is or was. A lock file in good order is gone when it is free.
"""

import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from workspace.atomic import clear_leftovers, leftovers_in, naming_write_errors
from workspace.errors import ArtifactError, CannotWriteError


class LockedError(ArtifactError):
    """Somebody else is at it; `owner` says who."""

    def __init__(self, what: str, owner: str) -> None:
        super().__init__(
            f"{what} is locked by {owner}; wait for it, stop it, or take another RUN=."
        )
        self.what, self.owner = what, owner

    def __reduce__(self) -> tuple[type["LockedError"], tuple[str, str]]:
        return LockedError, (self.what, self.owner)  # it travels between processes


def lock_of(folder: Path) -> Path:
    """The lock file of a unit, beside its folder."""
    return folder.with_name(f".{folder.name}.lock")


@contextmanager
def locked(path: Path, what: str, *, named: bool = True) -> Iterator[str | None]:
    """Hold the lock file `path` for `what`; yield who died holding it, or None.

    Who comes second is refused at once: whether it waits or does something else meanwhile is its
    own affair. Without `named`, nobody is told should this process die holding it.
    """
    with naming_write_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = _open(path, what)
    with handle:
        dead = _owner(handle)
        ours = {"pid": os.getpid(), "host": socket.gethostname(), "since": time.time()}
        try:
            with naming_write_errors(path):
                _write(handle, ours if named else {})
            yield dead
        finally:
            path.unlink(missing_ok=True)  # still held: whoever opened it looks again


def owner_of(path: Path) -> str | None:
    """Who holds a lock now; None where nobody does."""
    try:
        with path.open() as handle:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        with suppress(OSError), path.open() as handle:
            return _owner(handle) or "another process"
    except OSError:  # no such file: a free lock has none
        pass
    return None


def clear_abandoned(folder: Path) -> int:
    """Delete what killed writers left half written in a folder, and their locks; say how many.

    What is being written stays.
    """
    count = 0
    for name in sorted(leftovers_in(folder)):
        lock = lock_of(folder / name)
        with suppress(LockedError, CannotWriteError), locked(lock, name, named=False):
            count += clear_leftovers(folder, name)
    for path in sorted(folder.glob(".*.lock")):
        unit = path.with_name(path.name[1:].removesuffix(".lock"))
        # Whole when its maker died; of one that is not, who takes it over is told who died.
        if unit.is_dir() or _names_nobody(path):
            clear_free_lock(unit)
    return count


def clear_free_lock(folder: Path) -> None:
    """Of a unit that is whole: who made it may have died before the lock was taken away."""
    lock = lock_of(folder)
    if lock.is_file():
        with suppress(LockedError, CannotWriteError), locked(lock, folder.name, named=False):
            pass


def _open(path: Path, what: str) -> TextIO:
    """The lock file, locked; not one that its owner took away in the meantime."""
    while True:
        handle = path.open("a+")
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            owner = _owner(handle) or "another process"
            handle.close()
            raise LockedError(what, owner) from error
        except OSError:  # of a file system that knows no locks
            handle.close()
            raise
        if _is_still(handle, path):
            return handle
        handle.close()


def _is_still(handle: TextIO, path: Path) -> bool:
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    ours = os.fstat(handle.fileno())
    return (there.st_ino, there.st_dev) == (ours.st_ino, ours.st_dev)


def _names_nobody(path: Path) -> bool:
    """As of one who died while clearing."""
    with suppress(OSError), path.open() as handle:
        return _owner(handle) is None
    return False


def _owner(handle: TextIO) -> str | None:
    handle.seek(0)
    try:
        owner = json.loads(handle.read())
        return f"pid {owner['pid']} on {owner['host']}"
    except (ValueError, KeyError, TypeError):
        return None


def _write(handle: TextIO, owner: dict[str, object]) -> None:
    """Past the buffer, which would try a full disk once more when it is closed."""
    os.ftruncate(handle.fileno(), 0)
    os.write(handle.fileno(), json.dumps(owner).encode())
