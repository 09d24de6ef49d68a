"""This room's templates, styles and scripts: every text is escaped, every script known by its hash.

A page's policy names its scripts by these hashes, so that nothing a stranger wrote into a recipe
or a table can run.
"""

import base64
import hashlib
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from workspace.hashing import sha256_file, sha256_text

ROOM = Path(__file__).resolve().parent.parent


def environment() -> Environment:
    """By which templates of this room become pages; a name that is not given is an error."""
    return Environment(
        loader=FileSystemLoader(ROOM),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def text_of(name: str) -> str:
    """A script or a style, by its path in this room."""
    return (ROOM / name).read_text(encoding="utf-8")


def known_by(text: str) -> str:
    """As a page's policy names an inline script or style."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def scripts_of(*names: str) -> list[dict[str, str]]:
    """Scripts as a template takes them in: the text, and the hash by which the policy knows it."""
    texts = [text_of(name) for name in names]
    return [{"text": text, "hash": known_by(text)} for text in texts]


def look_of(*names: str) -> str:
    """Which look a page was given by its files; another one draws it anew."""
    return sha256_text(" ".join(sha256_file(ROOM / name) for name in names))
