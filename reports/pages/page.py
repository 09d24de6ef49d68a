"""Sections to one HTML page that needs nothing else: no network, no script, no file beside it.

The template escapes every text (Jinja's autoescape), and the page forbids scripts and requests by
a policy of its own, so that a recipe or a table of a stranger cannot make it do anything.
"""

from collections.abc import Sequence

from reports.pages.elements import Head, Section
from reports.pages.templates import environment, look_of

PAGE, MACROS, STYLE = "pages/page.html.jinja", "pages/macros.html.jinja", "pages/page.css"


def page(head: Head, sections: Sequence[Section]) -> str:
    """The whole page as text."""
    return environment().get_template(PAGE).render(head=head, sections=sections, style=STYLE)


def look_hash() -> str:
    """Which look a page was given; another one draws it anew."""
    return look_of(PAGE, MACROS, STYLE)
