"""What must be equal on all machines that work at one thing, or it would be no one's result.

The Python, the lock, the installed versions of what the lock pins, and every source file of ours.
Imports nothing that computes: who compares may not know its cores yet.
"""

import hashlib
import platform
import re
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from workspace.errors import name_some

REPOSITORY = Path(__file__).resolve().parents[1]
SUFFIXES = (".py", ".jinja", ".css", ".js")  # of all that lies in the rooms
PIN = re.compile(r"([A-Za-z0-9][\w.-]*)==")


@dataclass(frozen=True)
class Identity:
    """By which two machines are compared."""

    python: str
    lock: str
    versions: Mapping[str, str]  # of every package that the lock pins and that is installed
    sources: Mapping[str, str]  # file -> the beginning of its SHA-256

    @classmethod
    def of(cls, repository: Path) -> "Identity":
        lock = repository / "requirements.lock"
        return cls(platform.python_version(), _digest(lock), _versions(lock), _sources(repository))

    def differences(self, other: "Identity") -> str:
        """In words what is otherwise there; "" where nothing is."""
        names = [
            ("other versions of", _differing(self.versions, other.versions)),
            ("other code", _differing(self.sources, other.sources)),
        ]
        differences = [f"{what} {name_some(some)}" for what, some in names if some]
        if self.lock != other.lock:
            differences.insert(0, "another requirements.lock")
        if self.python != other.python:
            differences.insert(0, f"Python {other.python} where the caller has {self.python}")
        return "; ".join(differences)


@cache
def of_this_process() -> Identity:
    """A process runs the sources that it was begun with."""
    return Identity.of(REPOSITORY)


def _differing(ours: Mapping[str, str], theirs: Mapping[str, str]) -> list[str]:
    return sorted(n for n in ours.keys() | theirs.keys() if ours.get(n) != theirs.get(n))


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16] if path.is_file() else ""


def _versions(lock: Path) -> dict[str, str]:
    """Of this environment's own: Ray brings copies of some, which are of no matter here."""
    pinned = {pin[1] for line in _lines(lock) if (pin := PIN.match(line))}
    # By their folders, `numpy-2.0.0.dist-info`: to open a file of each would be slow on a network.
    installed = {}
    for place in {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}:
        for path in Path(place).glob("*.dist-info"):
            name, _, version = path.stem.partition("-")
            installed[_plain(name)] = version
    return {name: installed[_plain(name)] for name in sorted(pinned) if _plain(name) in installed}


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.is_file() else []


def _plain(name: str) -> str:
    """One spelling of a package's name."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _sources(repository: Path) -> dict[str, str]:
    """Every file of every room; what Python or an editor leaves there is none."""
    rooms = [path.parent for path in repository.glob("*/__init__.py")]
    files = [
        path for room in rooms if room.name != "tests" for path in room.rglob("*")
        if path.suffix in SUFFIXES
    ]  # fmt: skip
    return {path.relative_to(repository).as_posix(): _digest(path) for path in files}
