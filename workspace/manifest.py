"""The record beside every result: what it was made from, by which code, and what it contains.

Written last into a unit's folder, so that its presence means the unit is whole. It names no
absolute path, no environment variable and no patient. A hash of all that it says seals it: what
reads it may rely on every value being of the kind that was written.
"""

import json
import platform
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from workspace.errors import ArtifactError
from workspace.files import parse_json
from workspace.hashing import sha256_file, sha256_text

NAME = "manifest.json"
SEAL = "seal"
WITH_SEAL = "for_people"  # a key of every manifest that was sealed; those before it had neither
REPOSITORY = Path(__file__).resolve().parent.parent
LOCK = REPOSITORY / "requirements.lock"
LIBRARIES = (
    "catboost", "h5py", "lightgbm", "numpy", "onnx", "onnxruntime", "opencv-python-headless",
    "optuna", "polars", "scikit-learn", "scipy", "simplejpeg", "timm", "torch", "xgboost",
    "xgboost-cpu",
)  # fmt: skip


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FileRecord(_Frozen):
    """One file of a unit."""

    sha256: str
    size: int


class Code(_Frozen):
    """The commit the code stood at; `dirty` when tracked files differed from it."""

    commit: str
    dirty: bool


class Wanted(_Frozen):
    """A unit of work before it is done: equal `settings` and `inputs` mean an equal result."""

    stage: str  # the make target that makes it
    settings: dict[str, Any]  # the recipe's values that this result depends on
    inputs: dict[str, str]  # name -> SHA-256
    recipe: dict[str, Any]  # the whole resolved recipe, for the reader
    seed: int


class Manifest(Wanted):
    """A unit of work that is done."""

    code: Code
    sources: str = ""  # a hash of the maker's own sources; "" where nobody took it
    lock: str
    versions: dict[str, str]
    seconds: float
    peak_gb: float | None = None  # that making it took at the most, where that is known
    facts: dict[str, Any]  # what the stage wants remembered: counts, hashes, scores
    files: dict[str, FileRecord]
    for_people: list[str] = []  # of the files, those that nobody reads back


class Making(BaseModel):
    """How a unit came about: what of its manifest may be read of thousands at once."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    stage: str
    seed: int
    code: Code
    lock: str
    versions: dict[str, str]
    seconds: float
    peak_gb: float | None = None
    facts: dict[str, Any] = {}


class Kept(dict[str, Any]):
    """Values of a manifest; what is asked for and not there another version did not write."""

    def __init__(self, values: dict[str, Any], path: Path) -> None:
        super().__init__({key: _kept(value, path) for key, value in values.items()})
        self._path = path

    def __missing__(self, key: str) -> Any:
        raise ArtifactError(
            f"{self._path} has no {key!r}: another version wrote it, or it was changed; restore "
            "it, or move its folder away and run the stage again."
        )

    def __reduce__(self) -> tuple[type["Kept"], tuple[dict[str, Any], Path]]:
        return Kept, (dict(self), self._path)


def _kept(value: Any, path: Path) -> Any:
    if isinstance(value, dict):
        return Kept(value, path)
    return [_kept(one, path) for one in value] if isinstance(value, list) else value


def load_manifest(folder: Path) -> Manifest | None:
    """The folder's manifest, or None where there is none, which means: not done."""
    path = folder / NAME
    if not path.is_file():
        return None
    values = _unchanged(path)
    with _refusing_foreign(path):
        manifest = Manifest.model_validate(_as_now(values))
        kept = {n: Kept(getattr(manifest, n), path) for n in ("settings", "recipe", "facts")}
    return manifest.model_copy(update=kept)


def load_making(folder: Path) -> Making:
    """How the finished unit of this folder came about, in half the time of its whole manifest."""
    path = folder / NAME
    values = _unchanged(path)
    with _refusing_foreign(path):
        return Making.model_validate(values)


def _unchanged(path: Path) -> Any:
    """What stands there, as it was sealed."""
    with _refusing_foreign(path):
        values = parse_json(path)
        changed = _is_changed(values)
    if changed:
        raise ArtifactError(
            f"{path} was changed after it was written; restore it, or move its folder away and run "
            "the stage again."
        )
    return values


@contextmanager
def _refusing_foreign(path: Path) -> Iterator[None]:
    try:
        yield
    except (ValidationError, ArtifactError, RecursionError) as error:
        raise ArtifactError(
            f"{path} is not a manifest of this version; restore it, or move its folder away and "
            "run the stage again."
        ) from error


def sealed(manifest: Manifest) -> dict[str, Any]:
    """As it is kept."""
    unknown = {"peak_gb"} if manifest.peak_gb is None else set()
    values = manifest.model_dump(exclude=unknown)
    values = json.loads(json.dumps(values, allow_nan=False))  # as it will be read
    return {**values, SEAL: _seal(values)}


def _is_changed(values: Any) -> bool:
    """Whether it says other things than when it was sealed; until November 2026 none was."""
    if not isinstance(values, dict):
        return False
    if SEAL not in values:
        return WITH_SEAL in values
    seal = values.pop(SEAL)
    return bool(seal != _seal(values))


def _seal(values: dict[str, Any]) -> str:
    return sha256_text(json.dumps(values, sort_keys=True))


def _as_now(values: Any) -> Any:
    """A manifest as it is written now: until November 2026 settings were called `part`."""
    if isinstance(values, dict) and "part" in values:
        values = {**values, "settings": values["part"]}
        for gone in ("part", "unit"):
            values.pop(gone, None)
    return values


def differences(done: Manifest, wanted: Wanted) -> list[str]:
    """The dotted names of recipe values and inputs in which the two differ."""
    return [
        *_differing("", done.settings, wanted.settings),
        *_differing("input ", done.inputs, wanted.inputs),
    ]


def _differing(prefix: str, old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    names: list[str] = []
    for key in sorted(old.keys() | new.keys()):
        before, after = old.get(key), new.get(key)
        if isinstance(before, dict) and isinstance(after, dict):
            names.extend(_differing(f"{prefix}{key}.", before, after))
        elif before != after:
            names.append(f"{prefix}{key}")
    return names


@cache
def current_code() -> Code:
    """The commit this process runs from."""
    try:
        commit = _git("rev-parse", "HEAD")
        return Code(commit=commit, dirty=bool(_git("status", "--porcelain", "-uno")))
    except (OSError, subprocess.CalledProcessError):
        return Code(commit="unknown", dirty=True)  # unpacked without git: nothing to vouch for


def _git(*arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(REPOSITORY), *arguments], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@cache
def current_versions() -> dict[str, str]:
    """Python and the libraries whose version can change a number."""
    versions = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


@cache
def lock_hash() -> str:
    """Which lock the environment was asked to be; a bundle's code has none with it."""
    return sha256_file(LOCK) if LOCK.is_file() else "unknown"
