"""Files and folders that are either whole or not there.

Everything is written beside its place under a temporary name, flushed to disk, then renamed;
a crash leaves at worst a `.tmp` sibling, which the next writer of that name clears away.
"""

import os
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from workspace.errors import ArtifactError, CannotWriteError

TEMPORARY = ".tmp"


@contextmanager
def replacing_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path to write to; on leaving without an error it becomes `path`."""
    aside = _prepare(path)
    try:
        with naming_write_errors(path):
            yield aside
            flush_to_disk(aside)
            os.replace(aside, path)
            flush_to_disk(path.parent)
    finally:
        aside.unlink(missing_ok=True)


@contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """Yield a temporary folder to fill; on leaving without an error it becomes `path`.

    An older folder of that name is moved aside, then deleted: a crash between the two renames
    leaves no folder rather than a mixed one, and the stage that made it makes it again.
    """
    aside = _prepare(path)
    try:
        with naming_write_errors(path):
            aside.mkdir()
        yield aside
        with naming_write_errors(path):
            for file in sorted(aside.rglob("*")):
                flush_to_disk(file)
            flush_to_disk(aside)
            _swap(aside, path)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def remove_folder(path: Path) -> None:
    """Delete a folder if it is there; a crash leaves it whole or as a leftover, never in part."""
    if path.is_dir():
        aside = _prepare(path)
        with naming_write_errors(path):
            os.replace(path, aside)
        shutil.rmtree(aside, ignore_errors=True)


_OURS = re.compile(r"\.(?P<name>.+)\.[0-9a-f]{8}(\.old)?\.tmp")


def clear_leftovers(folder: Path, name: str | None = None) -> int:
    """Delete what killed writers of `name`, or of anything, left in a folder; say how many.

    Only for whoever holds the lock: a living writer's files look the same. Nobody else's names
    have this form.
    """
    matches = [(path, _OURS.fullmatch(path.name)) for path in folder.iterdir()]
    leftovers = sorted(p for p, match in matches if match and name in (None, match["name"]))
    for leftover in leftovers:
        if leftover.is_dir():
            shutil.rmtree(leftover, ignore_errors=True)
        else:
            leftover.unlink(missing_ok=True)
    return len(leftovers)


def leftovers_in(folder: Path) -> set[str]:
    """Of which names killed, or living, writers have something half written in a folder."""
    forms = (_OURS.fullmatch(path.name) for path in folder.iterdir())
    return {form["name"] for form in forms if form}


def flush_to_disk(path: Path) -> None:
    """fsync a file or a folder's entries, without which a rename may outlive its content."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def naming_write_errors(path: Path) -> Iterator[None]:
    """A full disk, a read-only folder and their like become one line that names the path."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise CannotWriteError(
            f"Cannot write {path}: {reason}; what was there before is untouched."
        ) from error


def _prepare(path: Path) -> Path:
    if path.is_symlink():
        raise ArtifactError(f"Cannot write {path}: it is a symbolic link; remove it first.")
    with naming_write_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        clear_leftovers(path.parent, path.name)
    return aside_of(path)


def aside_of(path: Path) -> Path:
    """A name beside it that `clear_leftovers` knows."""
    return path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}{TEMPORARY}")


def _swap(aside: Path, path: Path) -> None:
    old = aside.with_name(aside.name.replace(TEMPORARY, f".old{TEMPORARY}"))
    if path.exists():
        os.replace(path, old)
    try:
        os.replace(aside, path)
    except OSError:
        if old.exists():
            os.replace(old, path)
        raise
    flush_to_disk(path.parent)
    shutil.rmtree(old, ignore_errors=True)
