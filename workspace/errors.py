"""The three kinds of error a user can meet, and how their one line is worded.

`DataError` is about the user's files, `ConfigError` about the recipe or the command line,
`ArtifactError` about what the workspace keeps. The script turns each into one line and exit
code 2; anything else that is raised is a bug of ours and keeps its traceback.
"""

import sys
from collections.abc import Iterable, Sequence
from itertools import islice

HEADLINE_LIMIT = 280  # characters: what the official challenge scorer allows a message
NAMED_AT_MOST = 5  # ids named in a message; the rest is a count


class DermstackError(Exception):
    """Base of everything that is the user's to mend; says what, where, which and the mend.

    `public` is what a log keeps of it, stated where the sentence is put together from others and
    `workspace.sentences` cannot tell its words from the names in it: no id, no value of a row.
    """

    def __init__(self, message: str, *, public: str = "") -> None:
        super().__init__(one_line(message))
        raising, handled = sys._getframe(1), sys.exc_info()[1]
        self.raised_at = raising.f_code.co_filename, raising.f_lineno
        self.public = one_line(public)
        # Here and not `__cause__`, which is lost on the way from another process.
        self.handled = handled if isinstance(handled, DermstackError) else None


class DataError(DermstackError):
    """The user's files are not what the recipe says they are."""


class ConfigError(DermstackError):
    """The recipe or the command line asks for something that cannot be."""


class ArtifactError(DermstackError):
    """Something kept in the workspace is damaged, foreign, locked or cannot be written."""


class CannotWriteError(ArtifactError):
    """The system lets nothing be written there."""


def one_line(message: str) -> str:
    """Fold white space and cap the length, keeping the closing full stop.

    A message is cut in the middle of its list rather than at its end, because its end is the mend.
    """
    text = " ".join(message.split())
    if len(text) <= HEADLINE_LIMIT:
        return text
    keep_tail = HEADLINE_LIMIT // 3
    return text[: HEADLINE_LIMIT - keep_tail - 5].rstrip() + " ... " + text[-keep_tail:].lstrip()


def name_some(names: Iterable[object], total: int | None = None) -> str:
    """`a, b, c, d, e (+7 more)`: the first five and how many more there are."""
    if total is None:
        names = list(names)
        total = len(names)
    shown = [shorten(str(name)) for name in islice(names, NAMED_AT_MOST)]
    more = total - len(shown)
    return ", ".join(shown) + (f" (+{more} more)" if more > 0 else "")


def shorten(text: str, limit: int = 40) -> str:
    """A user's text made safe to print: control and direction marks escaped, long text cut."""
    safe = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
    return safe if len(safe) <= limit else safe[: limit - 3] + "..."


def listed(names: Sequence[object]) -> str:
    """`[a, b] (+N more)`: how ids stand in the messages about rows."""
    shown = ", ".join(shorten(str(name)) for name in names[:NAMED_AT_MOST])
    more = len(names) - NAMED_AT_MOST
    return f"[{shown}]" + (f" (+{more} more)" if more > 0 else "")
