"""A unit of work as a folder: absent, or whole with its manifest.

A stage asks `find` whether the unit it wants is done, else fills a `Draft`, which becomes the
folder in one rename. A unit that was made from other values is never passed off as this one:
the caller says whether that stops the run or is redone.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Literal

import polars as pl
from numpy.typing import NDArray

from workspace import files
from workspace.atomic import replacing_folder
from workspace.errors import ArtifactError, name_some
from workspace.hashing import HashMemory, sha256_file, sha256_text
from workspace.manifest import (
    NAME,
    FileRecord,
    Manifest,
    Wanted,
    current_code,
    current_versions,
    differences,
    load_manifest,
    lock_hash,
    sealed,
)
from workspace.memory import watched_peak
from workspace.progress import Desk, Show, Silent

OnChange = Literal["stop", "redo"]


class Unit:
    """A finished unit; its readers check each file against the manifest before looking at it."""

    def __init__(self, folder: Path, manifest: Manifest, changed: Sequence[str] = ()) -> None:
        self.folder = folder
        self.manifest = manifest
        self.changed = changed  # of the files for people, those that are not as they were written

    @property
    def facts(self) -> dict[str, Any]:
        return self.manifest.facts

    @property
    def _mend(self) -> str:
        return _anew(self.folder, self.manifest.stage)

    def path(self, name: str) -> Path:
        return self.folder / name

    def sha256(self, name: str) -> str:
        record = self.manifest.files.get(name)
        if record is None:
            raise ArtifactError(f"{self.folder} has no {name}; {self._mend}.")
        return record.sha256

    def content(self) -> str:
        """One hash for everything it holds."""
        names = sorted(self.manifest.files)
        return sha256_text("\n".join(f"{name} {self.sha256(name)}" for name in names))

    def parquet(self, name: str, columns: Sequence[str] | None = None) -> pl.DataFrame:
        return files.read_parquet(self.path(name), self.sha256(name), columns, self._mend)

    def lazy(self, name: str) -> pl.LazyFrame:
        """A table to be read in parts, its hash checked now."""
        return files.scan_parquet(self.path(name), self.sha256(name), self._mend)

    def parquet_facts(self, name: str) -> dict[str, str]:
        return files.read_parquet_facts(self.path(name), self.sha256(name), self._mend)

    def array(self, name: str) -> NDArray[Any]:
        return files.read_array(self.path(name), self.sha256(name), self._mend)

    def tensors(
        self, name: str, expected: Mapping[str, Sequence[int]] | None = None
    ) -> dict[str, NDArray[Any]]:
        """Named arrays; `expected` holds names and shapes against them."""
        return files.read_tensors(self.path(name), self.sha256(name), expected, self._mend)

    def text(self, name: str) -> str:
        return files.read_text(self.path(name), self.sha256(name), self._mend)

    def json(self, name: str) -> Any:
        return files.read_json(self.path(name), self.sha256(name), self._mend)


class Draft:
    """A unit being made: write files into `folder`, put what is worth remembering in `facts`.

    Who makes it may tell the person at the desk how far it is.
    """

    def __init__(self, folder: Path, wanted: Wanted, desk: Desk | None = None) -> None:
        self.folder, self.wanted = folder, wanted
        self.facts: dict[str, Any] = {}
        self.for_people: list[str] = []
        self.desk: Desk = desk or Silent()
        self.last: list[Callable[[], None]] = []

    def afterwards(self, clear: Callable[[], None]) -> None:
        """What is of no more use once the unit is there, and of much until then."""
        self.last.append(clear)

    def progress(self, label: str) -> AbstractContextManager[Show]:
        return self.desk.progress(label)

    def parquet(
        self, name: str, frame: pl.DataFrame, facts: Mapping[str, str] | None = None
    ) -> None:
        files.write_parquet(self.folder / name, frame, facts)

    def array(self, name: str, array: NDArray[Any]) -> None:
        files.write_array(self.folder / name, array)

    def tensors(self, name: str, tensors: Mapping[str, NDArray[Any]]) -> None:
        files.write_tensors(self.folder / name, tensors)

    def encoded(self, name: str, data: bytes) -> None:
        """What is a file's content already, such as a PNG."""
        files.write_bytes(self.folder / name, data)

    def take(self, name: str, unit: Unit, file: str) -> None:
        """A file of a finished unit, which keeps it too: a crash between the two loses nothing."""
        files.link_file(self.folder / name, unit.path(file), unit.sha256(file))

    def text(self, name: str, text: str) -> None:
        files.write_text(self.folder / name, text)

    def show(self, name: str, text: str) -> None:
        """A text for people alone: nothing is made of it, so what befalls it costs nothing anew."""
        self.text(name, text)
        self.for_people.append(name)

    def csv(self, name: str, frame: pl.DataFrame) -> None:
        files.write_csv(self.folder / name, frame)

    def json(self, name: str, value: object) -> None:
        files.write_json(self.folder / name, value)


def find(
    folder: Path,
    wanted: Wanted,
    hashes: HashMemory,
    *,
    on_change: OnChange,
    on_damage: OnChange = "stop",
    fresh: bool = False,
) -> Unit | None:
    """The finished unit if it is the wanted one and undamaged, None if it is to be made."""
    if fresh:
        return None
    manifest = load_manifest(folder)
    if manifest is None:
        return None
    changed = differences(manifest, wanted)
    if changed and on_change == "redo":
        return None
    if changed:
        raise ArtifactError(
            f"{folder} was made from other values ({name_some(changed)}); restore them, take "
            f"another folder, or run 'make {wanted.stage} FRESH=1' with the new ones."
        )
    with hashes.saving_once():
        damaged = [n for n, one in manifest.files.items() if not _is_whole(folder / n, one, hashes)]
    needed = [name for name in damaged if name not in manifest.for_people]
    if needed and on_damage == "redo":
        return None
    for name in needed:
        files.check_hash(folder / name, manifest.files[name].sha256, _anew(folder, wanted.stage))
    return Unit(folder, manifest, [name for name in damaged if name in manifest.for_people])


@contextmanager
def making(
    folder: Path, wanted: Wanted, desk: Desk | None = None, sources: str = ""
) -> Iterator[Draft]:
    """Fill a draft; on leaving without an error it becomes the unit at `folder`."""
    started = time.monotonic()
    refuse_foreign(folder, wanted.stage)
    peak_gb = watched_peak()
    with replacing_folder(folder) as aside:
        draft = Draft(aside, wanted, desk)
        yield draft
        manifest = Manifest(
            **wanted.model_dump(),
            code=current_code(),
            sources=sources,
            lock=lock_hash(),
            versions=current_versions(),
            seconds=round(time.monotonic() - started, 3),
            peak_gb=peak_gb(),
            facts=draft.facts,
            files=_records(aside),
            for_people=draft.for_people,
        )
        files.write_json(aside / NAME, sealed(manifest))
    for clear in draft.last:
        clear()


def open_unit(folder: Path, made_by: str) -> Unit:
    """A unit that must be there; `made_by` is the make target that makes it."""
    manifest = load_manifest(folder)
    if manifest is None:
        raise ArtifactError(f"{folder} is not there or unfinished; run 'make {made_by}' first.")
    return Unit(folder, manifest)


def refuse_foreign(folder: Path, stage: str) -> None:
    """Replace nothing but a unit of this very stage, and none that a person put something into."""
    if folder.is_dir():
        manifest = load_manifest(folder)
        ours = manifest.files if manifest is not None and manifest.stage == stage else {}
        names = (p.relative_to(folder).as_posix() for p in sorted(folder.rglob("*")) if p.is_file())
        foreign = [name for name in names if name not in ours and not (ours and name == NAME)]
    else:
        foreign = [folder.name] if folder.exists() else []
    if foreign:
        raise ArtifactError(
            f"{folder} holds files that 'make {stage}' did not write ({name_some(foreign)}); name "
            "another folder, or move them away."
        )


def _records(folder: Path) -> dict[str, FileRecord]:
    return {
        path.relative_to(folder).as_posix(): FileRecord(
            sha256=sha256_file(path), size=path.stat().st_size
        )
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _is_whole(path: Path, record: FileRecord, hashes: HashMemory) -> bool:
    return path.is_file() and hashes.of(path) == record.sha256


def _anew(folder: Path, stage: str) -> str:
    """How one unit is made anew, and no other."""
    return f"delete the folder {folder.name} and run 'make {stage}', which makes it alone anew"
