"""What a task took when it was made before, or its like: units of one kind, beside one another.

`stage1_fold_0` and `stage1_fold_0_1` are of one kind. What other settings took says nothing of
these: whoever takes smaller batches after a machine was too small is not to hear of the large ones.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

from workspace.errors import ArtifactError
from workspace.manifest import NAME, Manifest, load_manifest

WHICH = {"fold", "ids", "seed"}  # settings that say which one of a kind it is
ENOUGH = 8  # of its like are asked: there may be thousands


@dataclass(frozen=True)
class Held:
    """The memory that making a unit took at the most."""

    name: str
    gb: float


def kind_of(name: str) -> str:
    """What a unit is called but for its numbers."""
    return name.rstrip("0123456789_")


def held_by(folder: Path, stage: str, settings: Mapping[str, Any]) -> Held | None:
    """By the largest of the unit that lies there and its like; None where none was measured.

    The first that a process makes grows the most: those after it use again what it has left.
    """
    candidates = [
        (folder, set[str]()),
        *((folder.parent / name, WHICH) for name in _beside(folder)),
    ]
    held = [
        Held(path.name, made.peak_gb)
        for path, but in candidates
        if (made := _made(path, stage)) is not None
        if made.peak_gb is not None and _alike(made, settings, but)
    ]
    return max(held, key=lambda one: one.gb, default=None)


def _alike(made: Manifest, settings: Mapping[str, Any], but: set[str]) -> bool:
    names = (made.settings.keys() | settings.keys()) - but
    return all(made.settings.get(name) == settings.get(name) for name in names)


def _made(folder: Path, stage: str) -> Manifest | None:
    try:
        status = (folder / NAME).stat()
    except OSError:
        return None
    manifest = _loaded(folder, status.st_mtime_ns, status.st_ino)
    return manifest if manifest is not None and manifest.stage == stage else None


@lru_cache(ENOUGH * 4)
def _loaded(folder: Path, written: int, inode: int) -> Manifest | None:
    """Again where another lies there."""
    try:
        return load_manifest(folder)
    except ArtifactError:
        return None  # whoever reads the unit itself says so


def _beside(folder: Path) -> tuple[str, ...]:
    """The first of its like."""
    try:
        changed = folder.parent.stat().st_mtime_ns
    except OSError:
        return ()
    names = _kinds(folder.parent, changed).get(kind_of(folder.name), ())
    return tuple(islice((name for name in names if name != folder.name), ENOUGH))


@lru_cache(4)
def _kinds(parent: Path, changed: int) -> dict[str, list[str]]:
    """Names by kind, listed once while nothing comes or goes."""
    kinds: dict[str, list[str]] = {}
    for name in sorted(os.listdir(parent)):  # of thousands a path each takes long
        if not name.startswith("."):
            kinds.setdefault(kind_of(name), []).append(name)
    return kinds
