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
PAGE, STYLE = "page.html.jinja", "page.css"


def page(head: Head, sections: Sequence[Section]) -> str:
    """The whole page as text."""
    environment = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(PAGE).render(head=head, sections=sections, style=STYLE)


def look_hash() -> str:
    """Which look a page was given; another one draws it anew."""
    return sha256_file(HERE / PAGE)[:16] + sha256_file(HERE / STYLE)[:16]
