"""What a report is put together from: sections of tables, facts, notes and plots.

Plain values without any HTML; `page` alone knows how they look, and escapes every text.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Number:
    """A number as it is shown, with every digit of it, and its interval."""

    kind: ClassVar[str] = "number"
    shown: str
    exact: str
    interval: str = ""
    share: float | None = None  # of the greatest in its column: drawn as a bar


@dataclass(frozen=True)
class Mark:
    """A word that says whether something is as it should be."""

    kind: ClassVar[str] = "mark"
    words: str
    good: bool


@dataclass(frozen=True)
class Words:
    """A cell of text; `code` is set in type of one width, `below` stands under it in small."""

    kind: ClassVar[str] = "words"
    words: str
    code: bool = False
    below: str = ""


Cell = Number | Mark | Words


@dataclass(frozen=True)
class Table:
    """Rows under a head; `apart` rows, the last ones, are sums of those above."""

    kind: ClassVar[str] = "table"
    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    caption: str = ""
    apart: int = 0


@dataclass(frozen=True)
class Note:
    """A sentence: `plain`, a `warning`, or a part that is `missing` with the command for it."""

    kind: ClassVar[str] = "note"
    words: str
    tone: str = "plain"
    command: str = ""


@dataclass(frozen=True)
class Shape:
    """A line or an area through points, a dot or a text at one, in pixels of its plot."""

    kind: str
    style: str
    points: tuple[tuple[float, float], ...]
    words: str = ""


@dataclass(frozen=True)
class Axis:
    """Its label and its ticks, each with its place in pixels."""

    label: str
    ticks: tuple[tuple[float, str], ...]


@dataclass(frozen=True)
class Plot:
    """A drawing with two axes; `box` is left, top, right and bottom of what lies inside them."""

    kind: ClassVar[str] = "plot"
    title: str
    caption: str
    size: tuple[int, int]
    box: tuple[int, int, int, int]
    x: Axis
    y: Axis
    shapes: tuple[Shape, ...]


@dataclass(frozen=True)
class Plots:
    """Plots side by side, where there is room."""

    kind: ClassVar[str] = "plots"
    plots: tuple[Plot, ...]


@dataclass(frozen=True)
class Folded:
    """What most readers need not see: opened by a click."""

    kind: ClassVar[str] = "folded"
    summary: str
    content: "Table | Source"


@dataclass(frozen=True)
class Source:
    """Text that is shown as it is."""

    kind: ClassVar[str] = "source"
    text: str


Block = Table | Note | Plots | Folded


@dataclass(frozen=True)
class Section:
    """A part of the report."""

    name: str
    title: str
    blocks: tuple[Block, ...]
    lead: str = ""


@dataclass(frozen=True)
class Head:
    """What stands above all sections: which run, what its data are, its greatest facts."""

    title: str
    about: str
    banner: str
    warnings: tuple[str, ...]
    facts: tuple[tuple[str, Cell], ...]


def count(value: int | None) -> Cell:
    """A whole number; None is not known."""
    return Words("–") if value is None else Number(f"{value:,}", str(value))


def plain(value: float | None, share: float | None = None) -> Cell:
    """A number without an interval."""
    return Words("–") if value is None else Number(f"{value:.4f}", repr(value), share=share)


def measure(found: Json | None) -> Cell:
    """A metric with its interval, as the metrics room keeps it."""
    if found is None:
        return Words("–")
    if found["value"] is None:
        return Words("undefined")
    low, high = found.get("low"), found.get("high")
    interval = "no interval" if low is None else f"{low:.4f} to {high:.4f}"
    return Number(f"{found['value']:.4f}", repr(found["value"]), interval)
