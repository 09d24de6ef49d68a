"""What a page is put together from: sections of tables, facts, notes and plots.

Plain values without any HTML; `page` alone knows how they look, and escapes every text.
"""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from reports.table import Cell, Table


@dataclass(frozen=True)
class Note:
    """A sentence: `plain`, a `warning`, a part that is `missing` with the command for it, or what a
    sight led to (`so`) with where it is decided."""

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
    small: bool = False  # three or more beside one another


@dataclass(frozen=True)
class Drawing:
    """A drawing of a stage's own, an SVG as text; it is shown as a picture, which runs nothing."""

    kind: ClassVar[str] = "drawing"
    title: str
    svg: str

    @property
    def address(self) -> str:
        return f"data:image/svg+xml;base64,{b64encode(self.svg.encode()).decode()}"


@dataclass(frozen=True)
class Folded:
    """What most readers need not see: opened by a click."""

    kind: ClassVar[str] = "folded"
    summary: str
    content: "Table | Source | Plots"


@dataclass(frozen=True)
class Source:
    """Text that is shown as it is."""

    kind: ClassVar[str] = "source"
    text: str


@dataclass(frozen=True)
class Pair:
    """Two pictures by name and address (their content itself), what is said of them, and a line to
    copy."""

    pictures: tuple[tuple[str, str], tuple[str, str]]
    words: str
    line: str


@dataclass(frozen=True)
class Pairs:
    """Pictures two by two, numbered."""

    kind: ClassVar[str] = "pairs"
    pairs: tuple[Pair, ...]


@dataclass(frozen=True)
class Explorer:
    """A slider over thresholds: `points` as its script reads them, and where it stands first."""

    kind: ClassVar[str] = "explorer"
    points: Mapping[str, Any]
    at: int

    @property
    def per_1000(self) -> float:
        """Positives among 1,000 rows of the data."""
        positives, negatives = self.points["positives"], self.points["negatives"]
        return float(1000 * positives / (positives + negatives))


@dataclass(frozen=True)
class Contact:
    """A contact sheet: under each words small pictures by name and address."""

    kind: ClassVar[str] = "contact"
    cells: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]


@dataclass(frozen=True)
class Beside:
    """A lesion of the same patient: its picture, if there is one, and its score."""

    words: str
    address: str | None = None
    positive: bool = False


@dataclass(frozen=True)
class Case:
    """A lesion: pictures by name and address, what is known of it, its patient's other lesions,
    and what moved its score."""

    title: str
    pictures: tuple[tuple[str, str], ...]
    lines: tuple[str, ...]
    beside: tuple[Beside, ...] = ()
    beside_words: str = ""
    columns: Table | None = None
    plot: Plot | None = None


@dataclass(frozen=True)
class Cases:
    """Lesions one below the other, under a heading."""

    kind: ClassVar[str] = "cases"
    heading: str
    cases: tuple[Case, ...]


Element = Table | Note | Plots | Drawing | Folded | Pairs | Explorer | Contact | Cases


@dataclass(frozen=True)
class Section:
    """A part of the report."""

    name: str
    title: str
    elements: tuple[Element, ...]
    lead: str = ""


@dataclass(frozen=True)
class Head:
    """What stands above all sections: which run, what its data are, its greatest facts."""

    title: str
    about: str
    banner: str
    warnings: tuple[str, ...]
    facts: tuple[tuple[str, Cell], ...]
    kind: str = "report"  # which page of ours it is
