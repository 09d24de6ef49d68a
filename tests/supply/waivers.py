"""Reads what is let through although an advisory or a licence speaks against it."""

import tomllib
from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

FILE = Path(__file__).with_name("waivers.toml")


class Waiver(BaseModel):
    """Why something is let through."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    why: str = Field(min_length=20)


class Vulnerability(Waiver):
    """An advisory that is known and does no harm here, until a day."""

    id: str
    package: str
    until: date


class Licence(Waiver):
    """What some packages say of their licence, and nothing else that they may say."""

    packages: tuple[str, ...]
    says: tuple[str, ...]

    def covers(self, package: str, said: str) -> bool:
        return said in self.says and any(fnmatchcase(package, name) for name in self.packages)


class Waivers(BaseModel):
    """The whole file."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    vulnerability: tuple[Vulnerability, ...] = ()
    licence: tuple[Licence, ...] = ()


def read_waivers(path: Path = FILE) -> Waivers:
    return Waivers.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
