"""Sections to one HTML page that needs nothing else: no network and no file beside it.

The template escapes every text (Jinja's autoescape), and the page forbids requests and scripts but
its own by a policy, so that a recipe or a table of a stranger cannot make it do anything.
"""

from collections.abc import Sequence

from reports.pages.elements import Head, Section
from reports.pages.templates import environment, look_of, scripts_of

PAGE, MACROS, STYLE = "pages/page.html.jinja", "pages/macros.html.jinja", "pages/page.css"
SCRIPT = "pages/page.js"  # sorts tables; of every page


def page(head: Head, sections: Sequence[Section], scripts: Sequence[str] = ()) -> str:
    """The whole page as text; `scripts` of its own by their paths in this room."""
    return environment().get_template(PAGE).render(
        head=head, sections=sections, style=STYLE,
        scripts=scripts_of(SCRIPT, *scripts),
    )  # fmt: skip


def look_hash(files: Sequence[str] = ()) -> str:
    """Which look a page was given, with files of its own; another one draws it anew."""
    return look_of(PAGE, MACROS, STYLE, SCRIPT, *files)
