"""Where images lie and how one is fetched by its reference.

A reference is a path below the data folder, `train-image/image/ISIC_0000001.jpg`, or a container
and the item in it, `train-image.hdf5::ISIC_0000001`, `ham.zip::images/ISIC_0024306.jpg`,
`dermamnist.npz::train_images/12`. The sample table holds them; nothing builds a path from an id.
"""

import threading
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path, PurePosixPath

import numpy as np
import polars as pl

from folds.decoding import decode
from folds.findings import Findings, plural
from folds.headers import PIXEL_LIMIT
from folds.schema import ID, IMAGE
from workspace.arrays import Bytes
from workspace.errors import DataError, listed, name_some, shorten
from workspace.files import ZIP_FAULTS, read_user_arrays
from workspace.hdf5 import ITEM_LIMIT, ImageArchive, names_in

SUFFIXES = (".jpg", ".jpeg", ".png")
UNREAD = (  # pictures too, and named where they are passed over
    ".tif", ".tiff", ".bmp", ".webp", ".gif", ".heic", ".heif", ".avif", ".jp2", ".jfif", ".dcm",
)  # fmt: skip
ITEM = "::"


def index_images(folder: Path, places: Iterable[Path], findings: Findings) -> pl.DataFrame:
    """Every image in the places (HDF5, ZIP, folder) as rows of id and reference, by id."""
    frames = [pl.DataFrame(schema={ID: pl.String, IMAGE: pl.String})]
    for place in places:
        references = references_in(place, findings)
        refuse_odd_bytes(references, place.name)
        ids = [_stem(reference) for reference in references]
        base = place.relative_to(folder).as_posix()
        joint = "/" if place.is_dir() else ITEM
        frames.append(
            pl.DataFrame({ID: ids, IMAGE: [f"{base}{joint}{item}" for item in references]})
        )
    index = pl.concat(frames).sort(ID, IMAGE)
    repeated = index.filter(pl.col(ID).is_duplicated()).get_column(ID).unique(maintain_order=True)
    if len(repeated):
        findings.error(
            "image-twice",
            f"Images with more than one file: {listed(repeated.to_list())}; name one place with "
            "data.images_in.",
            repeated.to_list(),
        )
    return index.unique(ID, keep="first", maintain_order=True)


def _stem(reference: str) -> str:
    """The file's name without its suffix; what pathlib says, without an object for each name."""
    name = reference.rpartition(ITEM)[2].rpartition("/")[2]
    stem, _, suffix = name.rpartition(".")
    return stem if stem and suffix else name


def attach_images(
    samples: pl.DataFrame, index: pl.DataFrame, policy: str, where: str, findings: Findings
) -> pl.DataFrame:
    """Join references by id and compare both directions. `policy`: all, some or none needed."""
    if policy == "none":
        return samples.with_columns(pl.lit(None, dtype=pl.String).alias(IMAGE))
    joined = samples.drop(IMAGE).join(index, on=ID, how="left", maintain_order="left")
    lacking = joined.filter(pl.col(IMAGE).is_null()).get_column(ID).to_list()
    if lacking:
        message = (
            f"Images missing from {where}: {listed(lacking)} ({len(lacking)} of {len(samples)})"
        )
        if policy == "all":
            mend = "add them, name their place in data.images_in, or take data.images=some"
            findings.error("images-missing", f"{message}; {mend}.", lacking)
        else:
            findings.notice("images-missing", f"{message}.", lacking)
    extra = index.join(samples, on=ID, how="anti").get_column(ID).to_list()
    if extra:
        findings.notice(
            "images-extra",
            f"{plural(len(extra), 'image')} of {where} without a row in the table "
            f"{'is' if len(extra) == 1 else 'are'} ignored: {listed(extra)}.",
            extra,
        )
    return joined.select(samples.columns)


class ImageReader:
    """Fetches images by reference; containers are opened at first use and kept open."""

    def __init__(self, folder: Path, pixel_limit: int = PIXEL_LIMIT) -> None:
        self.folder, self.pixel_limit = folder, pixel_limit
        self._opened: dict[str, Callable[[str], bytes | Bytes]] = {}
        self._opening = threading.Lock()

    def __reduce__(self) -> tuple[type["ImageReader"], tuple[Path, int]]:
        # Open handles do not travel to another process.
        return ImageReader, (self.folder, self.pixel_limit)

    def encoded(self, reference: str) -> bytes:
        """The bytes as stored; for arrays, which have no encoding, the pixels' own bytes."""
        stored = self._fetch(reference)
        return stored if isinstance(stored, bytes) else stored.tobytes()

    def pixels(self, reference: str) -> Bytes:
        """uint8 RGB (H, W, 3)."""
        return self.decoded(self._fetch(reference), reference)

    def both(self, reference: str) -> tuple[bytes, Bytes]:
        """Bytes and pixels with one read."""
        stored = self._fetch(reference)
        data = stored if isinstance(stored, bytes) else stored.tobytes()
        return data, self.decoded(stored, reference)

    def decoded(self, stored: bytes | Bytes, reference: str) -> Bytes:
        if isinstance(stored, bytes):
            name = PurePosixPath(reference.rsplit(ITEM, 1)[-1]).stem
            return decode(stored, name, self.pixel_limit)
        return np.repeat(stored[..., None], 3, axis=-1) if stored.ndim == 2 else stored

    def _fetch(self, reference: str) -> bytes | Bytes:
        container, separator, item = reference.partition(ITEM)
        if not separator:
            return _read_file(self.folder / container, container)
        with self._opening:
            if container not in self._opened:
                self._opened[container] = _open_container(self.folder / container)
        return self._opened[container](item)


def references_in(place: Path, findings: Findings) -> list[str]:
    """The paths of the images below a folder, or the items of an HDF5 file or a ZIP."""
    if place.is_dir():
        return [path.relative_to(place).as_posix() for path in image_files(place)]
    if place.suffix.lower() in (".hdf5", ".h5"):
        return _archive_names(place, findings)
    if place.suffix.lower() == ".zip":
        return [i.filename for i in _open_zip(place).infolist() if is_image(i.filename)]
    raise DataError(f"{place.name} is neither a folder, an HDF5 file nor a ZIP of images.")


def image_files(folder: Path, suffixes: tuple[str, ...] = SUFFIXES) -> list[Path]:
    """All below, but for hidden folders, whose content no hash of the folder covers either."""
    return sorted(
        path
        for path in folder.rglob("*")
        if is_image(path.name, suffixes)
        and path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )


def refuse_odd_bytes(names: Iterable[str], where: str) -> None:
    """A table holds text, and a file's name may be any bytes."""
    odd = [
        name
        for name in names
        if not name.isascii() and any("\ud800" <= letter <= "\udfff" for letter in name)
    ]
    if odd:
        raise DataError(
            f"{plural(len(odd), 'file name')} in {shorten(where)} "
            f"{'is' if len(odd) == 1 else 'are'} not UTF-8: {listed(odd)}; rename "
            f"{'it' if len(odd) == 1 else 'them'}."
        )


def unread_in(place: Path) -> str:
    """One sentence about the pictures of a folder or ZIP that are of no kind that is read."""
    if place.is_dir():
        names = [path.relative_to(place).as_posix() for path in image_files(place, UNREAD)]
    elif place.suffix.lower() == ".zip":
        names = [i.filename for i in _open_zip(place).infolist() if is_image(i.filename, UNREAD)]
    else:
        names = []
    if not names:
        return ""
    kinds = Counter(PurePosixPath(name).suffix.lower() for name in names)
    shown = ", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items()))
    return (
        f"{plural(len(names), 'picture')} neither JPEG nor PNG ({shown}) left out: "
        f"{listed(names)}; save them as PNG."
    )


def is_image(name: str, suffixes: tuple[str, ...] = SUFFIXES) -> bool:
    """Whether a file name says JPEG or PNG; hidden files (`._x.jpg` of a Mac) do not count."""
    return name.lower().endswith(suffixes) and not PurePosixPath(name).name.startswith(".")


def _read_file(path: Path, name: str) -> bytes:
    try:
        if path.stat().st_size > ITEM_LIMIT:
            raise DataError(f"Not allowed: image {shorten(name, 80)} has over {ITEM_LIMIT} bytes.")
        return path.read_bytes()
    except OSError as error:
        reason = error.strerror
        raise DataError(f"Image {shorten(name, 80)} cannot be read: {reason}.") from error


def _archive_names(path: Path, findings: Findings) -> list[str]:
    names, refused = names_in(path)
    for reason in sorted(set(refused.values())):
        ids = [name for name, why in refused.items() if why == reason]
        findings.error(
            "refused-item", f"Not allowed: {reason} {name_some(ids)} in {path.name}.", ids
        )
    return names


def _open_zip(path: Path) -> zipfile.ZipFile:
    with path.open("rb"):  # what may not be read says so itself
        pass
    try:
        return zipfile.ZipFile(path)
    except ZIP_FAULTS as error:
        raise DataError(f"{path.name} is not a readable ZIP file; download it again.") from error


def _open_container(path: Path) -> Callable[[str], bytes | Bytes]:
    if path.suffix.lower() in (".hdf5", ".h5"):
        return ImageArchive(path).read
    if path.suffix.lower() == ".zip":
        archive = _open_zip(path)
        return lambda item: _read_zipped(archive, item)
    arrays = read_user_arrays(path)
    return lambda item: _array_item(arrays, item)


def _read_zipped(archive: zipfile.ZipFile, item: str) -> bytes:
    if archive.getinfo(item).file_size > ITEM_LIMIT:
        raise DataError(f"Not allowed: {item} unpacks to over {ITEM_LIMIT} bytes.")
    try:
        return archive.read(item)
    except ZIP_FAULTS as error:
        raise DataError(f"Image {item} cannot be read from its ZIP ({error}).") from error


def _array_item(arrays: dict[str, Bytes], item: str) -> Bytes:
    name, _, row = item.partition("/")
    image: Bytes = np.asarray(arrays[name][int(row)])
    if (
        image.dtype != np.uint8
        or not image.size
        or not (image.ndim == 2 or image.shape[2:] == (3,))
    ):
        raise DataError(
            f"Image {row} of {name} is {image.dtype} of shape {list(image.shape)}; it must be "
            "uint8 of height x width, or height x width x 3."
        )
    return image
