"""What a file or a folder contains, as one SHA-256, without reading it again needlessly.

A hash is remembered with the file's size, times and inode, and believed only while those stay
the same: `touch` costs one re-read and changes nothing, an edit is always seen. Where the memory
itself cannot be read or written, files are read again.
"""

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from workspace.atomic import aside_of
from workspace.errors import DataError

# A file changed in the same clock tick as it was hashed could hide an edit (as git's "racy"
# entries could), so a fresh file's hash is used but not remembered.
SETTLED_S = 2.0


def sha256_file(path: Path) -> str:
    """Of a file, read in pieces."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def sha256_text(text: str) -> str:
    """Of a text as UTF-8."""
    return hashlib.sha256(text.encode()).hexdigest()


class HashMemory:
    """Hashes of files and folders, remembered in one JSON file of the run."""

    def __init__(self, store: Path | None = None) -> None:
        self._store = store
        self._known: dict[str, list[str]] = _load(store)
        self._holding = self._unsaved = False

    def of(self, path: Path) -> str:
        """The content hash of a file, or of a folder with all its files by relative name."""
        if not path.exists():
            raise DataError(f"{path.name} is missing in {path.parent}.")
        if path.is_dir():
            return self.remembered(path, "", _hash_folder)
        if not path.is_file():  # a pipe never ends
            raise DataError(f"{path.name} in {path.parent} is neither a file nor a folder.")
        return self.remembered(path, "", sha256_file)

    def remembered(self, path: Path, kind: str, compute: Callable[[Path], str]) -> str:
        """What `compute` makes of a path's content, computed again only where that may differ."""
        signature, settled = _signature(path)
        key = f"{kind} {path.resolve()}" if kind else str(path.resolve())
        known = self._known.get(key)
        if known is not None and known[0] == signature:
            return known[1]
        value = compute(path)
        if settled:
            self._known[key] = [signature, value]
            self._unsaved = True
            self._save()
        return value

    @contextmanager
    def saving_once(self) -> Iterator[None]:
        """Save at the end: after each of 20,000 files the memory's own bytes would take minutes."""
        self._holding = True
        try:
            yield
        finally:
            self._holding = False
            self._save()

    def _save(self) -> None:
        # A lost or torn memory only costs a re-read, so this one file is not flushed to disk.
        if self._store is None or self._holding or not self._unsaved:
            return
        # By its own name: another process of the run saves its own, and the last one stays.
        aside = aside_of(self._store)
        try:
            aside.write_text(json.dumps(self._known))
            os.replace(aside, self._store)
        except FileNotFoundError:  # whoever cleared leftovers took it for one: the next save stays
            return
        except OSError:  # a full disk, a run that may only be read: nothing is remembered
            self._store = None
            with suppress(OSError):
                aside.unlink()
        self._unsaved = False


def _load(store: Path | None) -> dict[str, list[str]]:
    try:
        known = json.loads(store.read_text()) if store is not None and store.is_file() else {}
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(known, dict):
        return {}
    return {key: pair for key, pair in known.items() if isinstance(pair, list) and len(pair) == 2}


def _signature(path: Path) -> tuple[str, bool]:
    """A digest of sizes, times and inodes, and whether the newest change is safely past."""
    digest = hashlib.sha256()
    newest = 0.0
    for name, status in _statuses(path):
        stamp = (name, status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
        digest.update(repr(stamp).encode())
        newest = max(newest, status.st_mtime, status.st_ctime)
    return digest.hexdigest(), time.time() - newest > SETTLED_S


def _statuses(path: Path) -> list[tuple[str, os.stat_result]]:
    if not path.is_dir():
        return [("", path.stat())]
    return [(name, os.stat(path / name)) for name in _names(path)]


def _names(folder: Path, prefix: str = "") -> list[str]:
    """Relative names of all files below, sorted; hidden ones (locks, leftovers) left out.

    Regular files only, and linked folders are not walked: a pipe never ends, a loop neither.
    """
    names: list[str] = []
    with os.scandir(folder / prefix) as entries:
        for entry in entries:
            name = f"{prefix}{entry.name}"
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                names.extend(_names(folder, f"{name}/"))
            elif (folder / name).is_file():
                names.append(name)
    return sorted(names)


def _hash_folder(folder: Path) -> str:
    digest = hashlib.sha256()
    for name in _names(folder):
        line = f"{name}\0{sha256_file(folder / name)}\n"
        digest.update(line.encode(errors="surrogateescape"))
    return digest.hexdigest()
