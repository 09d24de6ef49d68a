"""Sections to one HTML page that needs nothing else: no network, no script, no file beside it.

The template escapes every text (Jinja's autoescape), and the page forbids scripts and requests by
a policy of its own, so that a recipe or a table of a stranger cannot make it do anything.
"""

from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from reports.elements import Head, Section
from workspace.hashing import sha256_file

HERE = Path(__file__).resolve().parent
PAGE, MACROS, STYLE = "page.html.jinja", "macros.html.jinja", "page.css"


def page(head: Head, sections: Sequence[Section]) -> str:
    """The whole page as text."""
    return environment().get_template(PAGE).render(head=head, sections=sections, style=STYLE)


def environment() -> Environment:
    """By which templates of this room become pages: every text is escaped."""
    return Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def look_hash() -> str:
    """Which look a page was given; another one draws it anew."""
    return "".join(sha256_file(HERE / name)[:16] for name in (PAGE, MACROS, STYLE))
