"""Finished pieces of a unit that is long in the making, so that a stopped stage goes on from them.

Each piece is a unit of its own in one working folder: there whole or not at all, and believed only
while it is what is wanted now and every file has its hash; others are made anew. In the end the
pieces' files go into the unit, and then the working folder is deleted.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from workspace import files
from workspace.atomic import remove_folder
from workspace.errors import ArtifactError
from workspace.hashing import HashMemory
from workspace.manifest import Wanted
from workspace.units import Draft, Unit, find, making, open_unit

ANEW = "anew"  # the mark of FRESH=1, which a stopped call without it must still see


def begin_anew(folder: Path) -> None:
    """FRESH=1: none of the pieces in `folder` counts, nor the unit that was finished before."""
    remove_folder(folder)
    files.write_text(folder / ANEW, "")


def is_anew(folder: Path) -> bool:
    """Whether FRESH=1 began these, by this call or a stopped one."""
    return (folder / ANEW).is_file()


class KeptPieces:
    """The pieces in `folder`, wanted as `wanted` says, each with values of its own besides."""

    def __init__(self, folder: Path, wanted: Wanted, say: Callable[[str], None]) -> None:
        self.folder, self._wanted, self._say = folder, wanted, say

    def find(self, name: str, settings: dict[str, Any]) -> Unit | None:
        """The piece if it is kept whole; a damaged one is told and made anew."""
        try:
            # Hashed each time, and not remembered: these files are read once and soon deleted.
            return find(self.folder / name, self._of(settings), HashMemory(), on_change="redo")
        except ArtifactError:
            self._say(f"WARNING: {self.folder / name} is damaged; it is made anew.")
            return None

    @contextmanager
    def making(self, name: str, settings: dict[str, Any]) -> Iterator[Draft]:
        """Fill a draft; on leaving without an error it is kept, in place of what was there."""
        shutil.rmtree(self.folder / name, ignore_errors=True)
        with making(self.folder / name, self._of(settings)) as draft:
            yield draft

    def open(self, name: str) -> Unit:
        return open_unit(self.folder / name, self._wanted.stage)

    def clear(self) -> None:
        """Nothing of the pieces is left: the unit is finished."""
        remove_folder(self.folder)

    def _of(self, settings: dict[str, Any]) -> Wanted:
        return self._wanted.model_copy(update={"settings": self._wanted.settings | settings})
