"""Sections to Markdown that reads well as text and as a page of a forge.

The same elements that `pages` draws as HTML; every text is escaped, so that a stranger's words in a
recipe or a table are words: no link, no tag, no further cell.
"""

import html
import re
from collections.abc import Iterable, Iterator, Sequence

from reports.pages.elements import Element, Folded, Head, Note, Section
from reports.table import Cell, Mark, Number, Table, Words

MEANT = re.compile(r"([\\`*_{}\[\]#|~$!])")  # what Markdown, or a forge's own, would read
LINKS = re.compile(r"(?i)\b(https?|ftp|www)(?=[:.])|@")  # what a forge makes a link without marks


def card_of(head: Head, sections: Sequence[Section], note: str) -> str:
    """The whole card; `note` stands above all."""
    above = [f"# {text(head.title)}", f"**{text(note)}**"]
    above += [f"> {text(words)}" for words in (head.banner, *head.warnings) if words]
    above += [text(head.about)] if head.about else []
    return "\n\n".join([*above, *(part for one in sections for part in _section(one))]) + "\n"


def text(words: str) -> str:
    """Somebody's words on one line, and nothing but words."""
    plain = html.escape(" ".join(words.split()), quote=False)
    return LINKS.sub(_broken, MEANT.sub(r"\\\1", plain))


def _broken(found: re.Match[str]) -> str:
    """An address that no forge takes for one: its first letter as a number."""
    return f"&#{ord(found[0][0])};{found[0][1:]}"


def table(shown: Table) -> str:
    """Its cells with every interval, and what stands below it."""
    heads = [text(column.title) for column in shown.columns]
    lines = [_row(heads), _row(["---"] * len(heads))]
    lines += [_row([_cell(cell) for cell in row]) for row in shown.rows]
    caption = shown.caption.replace("in small type", "in brackets")
    below = [text(words) for words in (caption, shown.note) if words]
    return "\n\n".join(["\n".join(lines), *below])


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(cell: Cell) -> str:
    match cell:
        case Number():
            shown, beside = cell.shown, cell.interval
        case Mark():
            shown, beside = cell.words, ""
        case Words():
            shown, beside = cell.words, cell.below
    return f"{text(shown)} ({text(beside)})" if beside else text(shown)


def _section(section: Section) -> Iterator[str]:
    yield f"## {text(section.title)}"
    if section.lead:
        yield text(section.lead)
    listed = [one for one in section.elements if isinstance(one, Note) and one.tone == "warning"]
    if listed:
        yield "\n".join(f"- {text(one.words)}" for one in listed)
    for one in section.elements:
        if one not in listed:
            yield _element(one)


def _element(one: Element) -> str:
    match one:
        case Table():
            return table(one)
        case Note():
            command = f" {text(one.command)}" if one.command else ""
            return f"{text(one.words)}{command}"
        case Folded(content=Table() as inside):
            return f"{text(one.summary)}:\n\n{table(inside)}"
    raise AssertionError(f"a card has no {one.kind}")
