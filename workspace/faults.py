"""What the operating system refuses, as one of our sentences: a right, the disk, a name.

Whoever writes a kept file says so himself (`workspace.atomic`). This is for all other reads and
writes: around a stage, and around a task that may be carried out elsewhere. What no user can mend
is a mistake of ours and keeps its traceback.
"""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from workspace.errors import CannotWriteError, DataError, DermstackError, shorten

_ROOM = "make room, and the same command goes on"
_WRITES = {
    errno.ENOSPC: _ROOM,
    errno.EDQUOT: _ROOM,
    errno.EFBIG: "raise the limit on file sizes (ulimit -f)",
    errno.EROFS: "make it writable, or name another folder",
}
_RIGHT = "give yourself the right to it, or name another"
_READS = {
    errno.EACCES: _RIGHT,
    errno.EPERM: _RIGHT,
    errno.ENOENT: "put it back, or name another",
    errno.EISDIR: "put a file in its place",
    errno.ENOTDIR: "put a folder in its place",
    errno.ELOOP: "mend its links",
    errno.ENAMETOOLONG: "take a shorter name",
    errno.EIO: "look after the disk, it may be failing",
    errno.ESTALE: "look after the network drive, and try again",
    errno.EMFILE: "raise the limit on open files (ulimit -n)",
    errno.ENFILE: "close some programs, and try again",
}


@contextmanager
def naming_faults() -> Iterator[None]:
    """Turn what the system refuses into one line that names the file, the reason and the mend."""
    try:
        yield
    except OSError as error:
        fault = fault_of(error)
        if fault is None:
            raise
        raise fault from error
    except UnicodeEncodeError as error:
        if error.reason != "surrogates not allowed":
            raise
        raise DataError(f"A name is not UTF-8: {shorten(error.object, 80)}; rename it.") from error


def fault_of(error: OSError) -> DermstackError | None:
    """The sentence for it; None where it is none that a user could mend."""
    where = "a file" if error.filename is None else shorten(str(error.filename), 120)
    if error.errno in _WRITES:
        why = f"{error.strerror}; {_WRITES[error.errno]}"
        return CannotWriteError(f"Cannot write {where}: {why}.", public=f"Cannot write: {why}.")
    if error.errno in _READS:
        why = f"{error.strerror}; {_READS[error.errno]}"
        return DataError(f"Cannot open {where}: {why}.", public=f"Cannot open: {why}.")
    return None
