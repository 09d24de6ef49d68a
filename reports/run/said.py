"""What a stage tells on the console as the elements of a page."""

import re
from collections.abc import Iterable

from reports.pages.elements import Element, Note
from reports.table import Said

WARNING = re.compile(r"(notice|WARNING): ")
SPEAKER = re.compile(r"[a-z][a-z-]*: ")  # the stage, which a section's title says


def shown(said: Iterable[Said]) -> list[Element]:
    """Tables as they are; sentences without their stage's name, notices as warnings."""
    return [_note(one) if isinstance(one, str) else one for one in said]


def _note(words: str) -> Note:
    if warns := WARNING.match(words):
        return Note(words[warns.end() :], "warning")
    if speaks := SPEAKER.match(words):
        rest = words[speaks.end() :]
        return Note(f"{rest[:1].upper()}{rest[1:]}")
    return Note(words)
