"""A table of cells that know both their looks: short on the console, with every digit on the page.

What a sheet says becomes a `Table` once; `console` draws it in eighty columns, `page` as HTML.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Literal

from reports.sheets import Interval
from workspace.errors import shorten

FEW = 3  # rows that an eye sorts by itself


@dataclass(frozen=True)
class Number:
    """A number as the page shows it, with every digit of it, its interval, and in short."""

    kind: ClassVar[str] = "number"
    shown: str
    exact: str
    interval: str = ""
    share: float | None = None  # of the greatest in its column: drawn as a bar
    shade: float | None = None  # of its row: how dark its cell is, and said below the number
    short: str = ""
    why: str = ""  # it has no interval

    @property
    def brief(self) -> str:
        return self.short or self.shown


@dataclass(frozen=True)
class Mark:
    """A word that says whether something is as it should be."""

    kind: ClassVar[str] = "mark"
    words: str
    good: bool

    @property
    def brief(self) -> str:
        return self.words


@dataclass(frozen=True)
class Words:
    """A cell of text; `code` is set in type of one width, `below` stands under it in small."""

    kind: ClassVar[str] = "words"
    words: str
    code: bool = False
    below: str = ""
    short: str | None = None  # on the console, where it is another text there
    why: str = ""  # it says that there is no interval

    @property
    def brief(self) -> str:
        return self.words if self.short is None else self.short


Cell = Number | Mark | Words
Row = tuple[Cell, ...]


@dataclass(frozen=True)
class Column:
    """The head of a column, and how its cells stand."""

    title: str
    short: str = ""  # the console's title, where it is another
    right: bool = False
    whole: bool = True  # its cells are never broken into lines
    page_only: bool = False  # eighty columns have no room for it

    @property
    def brief(self) -> str:
        return self.short or self.title


@dataclass(frozen=True)
class Table:
    """Rows under a head; `apart` rows, the last ones, are sums of those above."""

    kind: ClassVar[str] = "table"
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    caption: str = ""
    apart: int = 0
    faint: frozenset[int] = frozenset()  # numbers of rows that are others' claims
    frame: Literal["open", "indented", "boxed"] = "open"  # on the console

    @property
    def sortable(self) -> bool:
        """Whether the page sorts it at a click; claims stay under what they are held against."""
        return not self.faint and len(self.rows) - self.apart > FEW

    @property
    def note(self) -> str:
        """Why some of its numbers have no interval."""
        return self._why(range(len(self.columns)))

    @property
    def console_note(self) -> str:
        """The same of the columns that the console has room for."""
        return self._why(at for at, column in enumerate(self.columns) if not column.page_only)

    def _why(self, shown: Iterable[int]) -> str:
        at = set(shown)
        cells = (cell for row in self.rows for n, cell in enumerate(row) if n in at)
        return " ".join(
            dict.fromkeys(cell.why for cell in cells if not isinstance(cell, Mark) and cell.why)
        )


Said = str | Table  # what a stage tells: sentences, and tables between them
NOTHING = Words("–", short="")


def columns(*titles: str) -> tuple[Column, ...]:
    """Columns that are as anybody expects them."""
    return tuple(Column(title) for title in titles)


def broken(*titles: str) -> tuple[Column, ...]:
    """Columns whose cells are sentences and may be broken into lines."""
    return tuple(Column(title, whole=False) for title in titles)


def count(value: int | None, unknown: str = "") -> Cell:
    """A whole number; None is not known, `unknown` on the console."""
    if value is None:
        return Words("–", short=unknown)
    return Number(f"{value:,}", str(value), short=str(value))


def part_of_row(value: int, whole: int) -> Cell:
    """A count among those of its row, as dark as its share, which stands below it."""
    if not whole:
        return count(value)
    share = value / whole
    return Number(f"{value:,}", str(value), f"{share:.1%}", short=str(value), shade=share)


def plain(value: float | None, share: float | None = None) -> Cell:
    """A number without an interval."""
    return NOTHING if value is None else Number(f"{value:.4f}", repr(value), share=share)


def measure(metric: Interval | None, digits: int = 4) -> Cell:
    """A metric with its interval, as the metrics room keeps it; one digit less on the console."""
    if metric is None:
        return NOTHING
    value, low, high = metric["value"], metric.get("low"), metric.get("high")
    if value is None:
        return Words("undefined")
    interval = "no interval" if low is None else f"{low:.{digits}f} to {high:.{digits}f}"
    brief, why = short(metric, digits - 1), metric.get("reason") or ""
    return Number(f"{value:.{digits}f}", repr(value), interval, short=brief, why=why)


def short(metric: Interval, digits: int = 3) -> str:
    """A value with its interval in as few characters as can be read."""
    value, low, high = metric["value"], metric.get("low"), metric.get("high")
    if value is None:
        return "undefined"
    shown = f"{value:.{digits}f}"
    if low is None:
        return shown
    between = ".." if low < 0 else "-"  # a dash beside a sign cannot be read, "to" finds no room
    return f"{shown} {low:.{digits}f}{between}{high:.{digits}f}"


def in_words(metric: Interval) -> str:
    """The same where it stands within a sentence."""
    if metric["value"] is None or metric["low"] is None:
        return short(metric)
    return f"{metric['value']:.3f} ({metric['low']:.3f} to {metric['high']:.3f})"


def how_sure(metric: Interval | None, *, paired: bool) -> str:
    """How the intervals of a table were made."""
    if metric is None or metric.get("level") is None:
        return ""
    return (
        f"{metric['level']:.0%} intervals in small type, from drawing {metric['unit']}s again "
        f"{metric['replicates']:,} times" + ("; differences are paired." if paired else ".")
    )


def name(text: str) -> Words:
    """What a user called something: whole on the page, cut on the console."""
    return Words(text, short=shorten(text))


def percent(share: float) -> str:
    """`80%`, with as many digits as it has."""
    return f"{100 * share:.6g}%"


def notices(notes: Iterable[str]) -> list[Said]:
    """What a sheet warns of, a sentence each."""
    return [f"notice: {note}" for note in notes]
