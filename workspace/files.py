"""The one place where parquet, npy, npz, safetensors, JSON and model text are written and read.

Writers serialise first and then put the bytes in place atomically. Readers of what we kept ask
for its SHA-256 and look at nothing before it agrees, because the native parsers behind them may
crash, hang or silently believe a damaged file. Nothing here can run code: no pickle anywhere.
"""

import hashlib
import io
import json
import lzma
import shutil
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import polars as pl
import safetensors
import safetensors.numpy
from numpy.typing import NDArray

from workspace.atomic import naming_write_errors, replacing_file
from workspace.errors import ArtifactError, DataError, name_some, shorten
from workspace.hashing import sha256_file

MEND = "run the stage that made it with FRESH=1"  # where a unit cannot say which that is
# What Python's own readers of ZIP and npy raise on damage and on forms that they do not know.
ZIP_FAULTS = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, OSError),
    *(NotImplementedError, RuntimeError, ValueError, OverflowError),
)
ARRAY_FAULTS = (*ZIP_FAULTS, MemoryError, SyntaxError, TypeError, KeyError, tokenize.TokenError)
INFLATION_LIMIT = 200  # unpacked over packed bytes: a picture hardly shrinks at all
FREE_INFLATION = 64 * 2**20  # bytes: the labels of a large set may all be the same
TENSOR_TYPES = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "BOOL": "?",
    **{f"{kind}{8 * size}": f"<{kind.lower()}{size}" for kind in "IU" for size in (1, 2, 4, 8)},
}  # fmt: skip
JSON_LIMIT = 64 * 2**20  # bytes; ours are far smaller, and a parser should not meet a bomb


def write_bytes(path: Path, data: bytes | memoryview) -> None:
    """Put bytes in place, whole or not at all."""
    with replacing_file(path) as aside:
        aside.write_bytes(data)


def link_file(path: Path, source: Path, sha256: str) -> None:
    """A kept file under a second name: no bytes are copied where the file system can link."""
    check_hash(source, sha256)
    with naming_write_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            path.hardlink_to(source)
        except OSError:  # exFAT and some network drives have no links; a full disk is told below
            shutil.copyfile(source, path)


def write_text(path: Path, text: str) -> None:
    """UTF-8; also how model text is kept."""
    write_bytes(path, text.encode())


def write_csv(path: Path, frame: pl.DataFrame) -> None:
    """A table for people and other programs: commas, UTF-8, a decimal point."""
    write_text(path, frame.write_csv())


def write_json(path: Path, value: object) -> None:
    """Sorted and indented, so that equal values are equal files; NaN is refused."""
    write_text(path, json.dumps(value, indent=2, sort_keys=True, allow_nan=False) + "\n")


def write_parquet(path: Path, frame: pl.DataFrame, facts: Mapping[str, str] | None = None) -> None:
    """Write the frame; `facts` travel inside the file, so that it explains itself alone."""
    buffer = io.BytesIO()
    frame.write_parquet(buffer, compression="zstd", metadata=dict(facts or {}))
    write_bytes(path, buffer.getvalue())


def write_array(path: Path, array: NDArray[Any]) -> None:
    """One npy; object arrays are refused, they would be pickles."""
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    write_bytes(path, buffer.getvalue())


def write_tensors(path: Path, tensors: Mapping[str, NDArray[Any]]) -> None:
    """Named arrays as safetensors."""
    write_bytes(path, safetensors.numpy.save(dict(tensors)))


def read_text(path: Path, sha256: str, mend: str = MEND) -> str:
    """Text, model text too: checked before a native parser sees a byte."""
    check_hash(path, sha256, mend)
    return path.read_text()


def read_json(path: Path, sha256: str, mend: str = MEND) -> Any:
    """Values of a JSON file we wrote."""
    check_hash(path, sha256, mend)
    return parse_json(path)


def read_parquet(
    path: Path, sha256: str, columns: Sequence[str] | None = None, mend: str = MEND
) -> pl.DataFrame:
    """The frame of a parquet file we wrote, or some of its columns."""
    check_hash(path, sha256, mend)
    return pl.read_parquet(path, columns=None if columns is None else list(columns))


def scan_parquet(path: Path, sha256: str, mend: str = MEND) -> pl.LazyFrame:
    """A parquet file we wrote, checked once and read some columns or rows at a time."""
    check_hash(path, sha256, mend)
    return pl.scan_parquet(path)


def read_parquet_facts(path: Path, sha256: str, mend: str = MEND) -> dict[str, str]:
    """What travels inside a parquet file beside its rows."""
    check_hash(path, sha256, mend)
    return pl.read_parquet_metadata(path)


def read_array(path: Path, sha256: str, mend: str = MEND) -> NDArray[Any]:
    """One npy we wrote."""
    check_hash(path, sha256, mend)
    array: NDArray[Any] = np.load(path, allow_pickle=False)
    return array


def read_tensors(
    path: Path,
    sha256: str,
    expected: Mapping[str, Sequence[int]] | None = None,
    mend: str = MEND,
) -> dict[str, NDArray[Any]]:
    """Named arrays of a safetensors file we wrote; `expected` holds names and shapes against it."""
    check_hash(path, sha256, mend)
    try:
        tensors = safetensors.numpy.load(path.read_bytes())
    except safetensors.SafetensorError as error:
        raise ArtifactError(f"{path.name} is not a safetensors file: {error}.") from error
    if expected is not None:
        check_tensors(path.name, {k: v.shape for k, v in tensors.items()}, expected)
    return tensors


def check_tensors(
    file: str, found: Mapping[str, Sequence[int]], expected: Mapping[str, Sequence[int]]
) -> None:
    """Refuse tensors whose names or shapes are not those expected: nothing is left out silently."""
    both = found.keys() & expected.keys()
    wrong = {
        "lacks": sorted(expected.keys() - found.keys()),
        "has unknown": sorted(found.keys() - expected.keys()),
        "has other shapes in": sorted(k for k in both if tuple(found[k]) != tuple(expected[k])),
    }
    told = [f"{words} {name_some(names)}" for words, names in wrong.items() if names]
    if told:
        raise ArtifactError(f"{file} {'; '.join(told)}; it belongs to another network.")


def check_hash(path: Path, sha256: str, mend: str = MEND) -> None:
    """Refuse a file that is gone or is not what was written; `mend` is what makes it anew."""
    if not path.is_file():
        raise ArtifactError(f"{path} is missing; restore it, or {mend}.")
    if sha256_file(path) != sha256:
        raise ArtifactError(
            f"{path} does not match its hash: it was changed after it was written; "
            f"restore it, or {mend}."
        )


def parse_json(path: Path) -> Any:
    """Read JSON without a hash to hold it against: manifests, and what users hand in."""
    try:
        if path.stat().st_size > JSON_LIMIT:
            raise ArtifactError(f"{path} is over {JSON_LIMIT} bytes; delete it or restore it.")
        return json.loads(path.read_text(), object_pairs_hook=_no_repeats)
    except (ValueError, RecursionError) as error:
        raise ArtifactError(f"{path} is not valid JSON ({error}); restore or delete it.") from error


def read_user_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of a user's npz by name; object arrays are refused, they would be pickles."""
    with path.open("rb") as handle:
        try:
            _refuse_bombs(path, handle)
            with np.load(handle, allow_pickle=False) as archive:
                return {name: archive[name] for name in archive.files}
        except ARRAY_FAULTS as error:
            raise DataError(f"{path.name} is not a readable npz file of plain arrays.") from error


def read_user_tensors(path: Path) -> tuple[dict[str, NDArray[Any]], str]:
    """The arrays of a user's safetensors file by name, and the SHA-256 of the bytes read.

    bfloat16, which numpy does not know, is the upper half of a float32 and comes as one.
    """
    data = path.read_bytes()
    try:
        read = safetensors.deserialize(data)  # type: ignore[no-untyped-call] # it has no types
        tensors = dict(read)
    except (safetensors.SafetensorError, TypeError, ValueError) as error:
        raise DataError(
            f"{path.name} is not a readable safetensors file ({error}); fetch it anew."
        ) from error
    other = [f"{k} ({v['dtype']})" for k, v in tensors.items() if v["dtype"] not in TENSOR_TYPES]
    if other:
        raise DataError(
            f"{path.name} has numbers of types that cannot be read: {name_some(other)}; save it as "
            "float32."
        )
    return {k: _array(**v) for k, v in tensors.items()}, hashlib.sha256(data).hexdigest()


def _array(shape: Sequence[int], dtype: str, data: bytes) -> NDArray[Any]:
    array = np.frombuffer(data, TENSOR_TYPES[dtype]).reshape(shape)
    if dtype != "BF16":
        return array
    return (array.astype(np.uint32) << 16).view(np.float32)


def _refuse_bombs(path: Path, handle: BinaryIO) -> None:
    """What unpacks to far more than it takes is no picture and no label."""
    for item in zipfile.ZipFile(handle).infolist():
        if item.file_size > max(FREE_INFLATION, item.compress_size * INFLATION_LIMIT):
            raise DataError(
                f"Not allowed: {shorten(item.filename)} of {path.name} unpacks from "
                f"{item.compress_size} to {item.file_size} bytes."
            )
    handle.seek(0)


def _no_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found
