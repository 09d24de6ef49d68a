"""The one place where HDF5 files are opened: image archives, one dataset of bytes an image.

Safe on files from strangers: only plain datasets that lie in the file itself are read. Links,
external storage, virtual datasets and sizes that the file does not back are refused by name,
since through them an archive could read any file of the host or ask for a terabyte of memory.
"""

from __future__ import annotations

import io
import math
import mmap
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workspace.atomic import replacing_file
from workspace.errors import DataError, shorten
from workspace.lazy import LazyModule

if TYPE_CHECKING:
    import h5py
else:
    h5py = LazyModule("h5py")

SIGNATURE = b"\x89HDF\r\n\x1a\n"
ITEM_LIMIT = 256 * 2**20  # bytes: no image is larger; a larger size is damage or malice
INFLATION_LIMIT = 200  # declared over stored bytes; an image hardly shrinks at all


class ImageArchive:
    """Bytes by name from one HDF5 file. Opened lazily, so it can be sent to another process.

    Asking h5py about an item takes as long as decoding its image. So what was found and allowed
    is remembered as its place in the file, about 100 MB for 400,000 items.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: h5py.File | None = None
        self._map: mmap.mmap | None = None
        self._places: dict[str, tuple[int, int]] = {}  # name: offset and end
        self._opening = threading.Lock()

    def __reduce__(self) -> tuple[type[ImageArchive], tuple[Path]]:
        return ImageArchive, (self.path,)  # neither handles nor places travel

    def names(self) -> tuple[list[str], dict[str, str]]:
        """All readable names, and the refused ones with the reason. Contents are not touched."""
        good: list[str] = []
        refused: dict[str, str] = {}
        hard, external = h5py.h5l.TYPE_HARD, h5py.h5l.TYPE_EXTERNAL

        def visit(name: bytes, info: Any) -> None:
            text = name.decode("utf-8", "backslashreplace")
            if info.type == hard:
                good.append(text)
            else:
                kind = "external link" if info.type == external else "soft link"
                refused[text] = kind

        with self._naming_damage():
            self._open().id.links.iterate(visit, info=True)
        return good, refused

    def read(self, name: str) -> bytes:
        """The item's bytes, exactly as stored (also where numpy would strip trailing zeros)."""
        place = self._places.get(name)
        if place is not None and self._map is not None:
            return self._mapped(self._map, name, place)
        with self._naming_damage(f"image {shorten(name)} of "):
            return self._found(name)

    def _found(self, name: str) -> bytes:
        """An item that was not read before: looked at, then read."""
        file = self._open()
        item = _item(file.id, name)
        offset = item.get_offset() if isinstance(item, h5py.h5d.DatasetID) else None
        reason = _refusal_of(item, offset)
        if reason is not None:
            raise DataError(f"Not allowed: {reason} {shorten(name)} in {self.path.name}.")
        assert isinstance(item, h5py.h5d.DatasetID)
        if offset is not None and self._map is not None:
            self._places[name] = (offset, offset + item.get_storage_size())
            return self._mapped(self._map, name, self._places[name])
        buffer = np.empty(item.shape, dtype=item.dtype)
        item.read(h5py.h5s.ALL, h5py.h5s.ALL, buffer)
        return buffer.tobytes()

    def _mapped(self, file: mmap.mmap, name: str, place: tuple[int, int]) -> bytes:
        if place[1] > file.size():  # the kernel would end this process (SIGBUS)
            raise DataError(
                f"Cannot read image {shorten(name)} of {self.path.name}: it became shorter while "
                "it was read; download it again."
            )
        return file[place[0] : place[1]]

    @contextmanager
    def _naming_damage(self, what: str = "") -> Iterator[None]:
        """h5py says of a damaged file whatever its C library stumbled on, by five exceptions."""
        try:
            yield
        except (OSError, KeyError, RuntimeError, ValueError, TypeError) as error:
            raise DataError(
                f"Cannot read {what}{self.path.name}: the file is damaged; download it again."
            ) from error

    def close(self) -> None:
        self._places = {}
        if self._map is not None:
            self._map.close()
        if self._file is not None:
            self._file.close()
        self._file = self._map = None

    def _open(self) -> h5py.File:
        with self._opening:  # two threads may both be the first
            if self._file is None:
                self._file = open_file(self.path)
                self._map = self._memory_map(self._file)
        return self._file

    def _memory_map(self, file: h5py.File) -> mmap.mmap | None:
        if file.userblock_size:  # offsets are then not the file's own
            return None
        with self.path.open("rb") as handle:
            return mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ)


def _item(root: h5py.h5g.GroupID, name: str) -> h5py.h5d.DatasetID | h5py.h5g.GroupID | str:
    if "/" in name:  # never ours: the way there could lead through a link
        return "path"
    if not root.links.exists(name.encode()):
        return "missing item"
    link = root.links.get_info(name.encode())
    if link.type == h5py.h5l.TYPE_EXTERNAL:
        return "external link"
    if link.type == h5py.h5l.TYPE_SOFT:
        return "soft link"
    return h5py.h5o.open(root, name.encode())


def _refusal_of(item: object, offset: int | None) -> str | None:
    if isinstance(item, str):
        return item
    if not isinstance(item, h5py.h5d.DatasetID):
        return "group"
    if offset is None:  # HDF5 knows one for plain storage in this very file, for nothing else
        properties = item.get_create_plist()
        if properties.get_external_count():
            return "external storage"
        if properties.get_layout() == h5py.h5d.VIRTUAL:
            return "virtual dataset"
    shape, dtype = item.shape, item.dtype  # asked once: each costs a fifth of opening the item
    if shape is None:
        return "empty dataset"
    return _form_refusal(shape, dtype) or _size_refusal(shape, dtype, item.get_storage_size())


def _form_refusal(shape: tuple[int, ...], dtype: np.dtype[Any]) -> str | None:
    is_bytes = (dtype.kind in "SV" and dtype.fields is None and dtype.subdtype is None) or (
        dtype == np.uint8
    )
    if not is_bytes:
        return f"{_kind_name(dtype)} dataset"
    if len(shape) > 1 or (dtype.kind in "SV" and shape not in ((), (1,))):
        return f"{len(shape)}-dimensional dataset"
    return None


def _kind_name(dtype: np.dtype[Any]) -> str:
    return "object" if dtype.kind == "O" else dtype.name


def _size_refusal(shape: tuple[int, ...], dtype: np.dtype[Any], stored: int) -> str | None:
    declared = math.prod(shape) * dtype.itemsize
    if declared > ITEM_LIMIT:
        return f"declared size of {declared} bytes for"
    if declared > max(stored, 1) * INFLATION_LIMIT:
        return f"declared size of {declared} bytes over {stored} stored ones for"
    return None


def open_file(path: Path) -> h5py.File:
    """Open for reading, telling a missing, a foreign and a cut file apart."""
    if not path.is_file():
        raise DataError(f"{path.name} is missing in {path.parent}; download it or name its folder.")
    with path.open("rb") as handle:
        if handle.read(len(SIGNATURE)) != SIGNATURE:
            raise DataError(f"{path.name} is not an HDF5 file; download it again.")
    try:
        return h5py.File(path, "r")
    except OSError as error:
        raise DataError(f"{path.name} is truncated or damaged; download it again.") from error


def names_in(path: Path) -> tuple[list[str], dict[str, str]]:
    """What `ImageArchive.names` says, listed once a process as long as the file stays the same."""
    status = path.stat() if path.is_file() else None
    stamp = status and (status.st_size, status.st_mtime_ns, status.st_ino)
    return _names_in(path, stamp)


@lru_cache(maxsize=4)
def _names_in(path: Path, stamp: object) -> tuple[list[str], dict[str, str]]:
    archive = ImageArchive(path)
    try:
        return archive.names()
    finally:
        archive.close()


class _Sink(io.FileIO):
    """A file that takes note of a failed write and lets the HDF5 library believe it went well.

    Where a disk fills up under it, that library does not report an error but crashes the process.
    """

    failed: OSError | None = None

    def write(self, data: Any, /) -> int:
        left = memoryview(data).cast("B")
        try:
            while len(left) and self.failed is None:
                left = left[super().write(left) :]
        except OSError as error:
            self.failed = error
        return memoryview(data).nbytes

    def truncate(self, size: int | None = None, /) -> int:
        try:
            return super().truncate(size)
        except OSError as error:
            self.failed = self.failed or error
            return size or 0

    def check(self) -> None:
        if self.failed is not None:
            raise self.failed


def write_archive(path: Path, images: Iterable[tuple[str, bytes]]) -> None:
    """Write one scalar byte string a name, the competition's own form, atomically.

    Images go to the disk as they come: memory holds one, and what the library keeps of the names.
    """
    with replacing_file(path) as aside, _Sink(aside, "w+") as sink:
        with h5py.File(sink, "w", libver="latest") as file:
            for name, data in images:
                file.create_dataset(name, data=np.array(data, dtype=f"S{len(data)}"))
                sink.check()
        sink.check()
