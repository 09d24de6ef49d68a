"""One process at a time on a run directory.

The kernel holds the lock (flock) and lets go of it when its owner dies, however it dies; the
file's text only says who the owner is or was.
"""

import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from workspace.atomic import naming_write_errors
from workspace.errors import ArtifactError


@contextmanager
def locked(path: Path, what: str) -> Iterator[str | None]:
    """Hold the lock file `path` for `what`; yield who died holding it, or None.

    A second process is refused at once rather than made to wait: two runs writing one folder
    are a mistake far more often than a queue.
    """
    with naming_write_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = path.open("a+")
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise ArtifactError(
                f"{what} is locked by {_owner(handle) or 'another process'}; "
                "wait for it, stop it, or take another RUN=."
            ) from error
        dead = _owner(handle)
        _write(handle, {"pid": os.getpid(), "host": socket.gethostname(), "since": time.time()})
        try:
            yield dead
        finally:
            _write(handle, None)  # empty means: left in good order


def _owner(handle: TextIO) -> str | None:
    handle.seek(0)
    try:
        owner = json.loads(handle.read())
        return f"pid {owner['pid']} on {owner['host']}"
    except (ValueError, KeyError, TypeError):
        return None


def _write(handle: TextIO, owner: dict[str, object] | None) -> None:
    handle.seek(0)
    handle.truncate()
    if owner is not None:
        handle.write(json.dumps(owner))
    handle.flush()
