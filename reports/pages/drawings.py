"""What drawings of stages have in common: one look, and SVG that is the same whenever drawn."""

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from workspace.lazy import LazyModule

if TYPE_CHECKING:
    from matplotlib.figure import Figure

mpl, figures = LazyModule("matplotlib"), LazyModule("matplotlib.figure")

COLOURS = ("#0b6b6b", "#b3423a", "#4c566a", "#a06a00", "#6b4c9a")
MARKS = ("o", "s", "^", "D", "v")
STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans", "font.size": 14, "axes.spines.top": False,
    "axes.spines.right": False, "svg.fonttype": "none", "svg.hashsalt": "dermstack",
}  # fmt: skip


@contextmanager
def empty_figure() -> Iterator["Figure"]:
    """To draw on, whatever a user's own settings of matplotlib are."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(STYLE)
        yield figures.Figure(figsize=(8, 5.4), layout="constrained")


def look_of(number: int) -> dict[str, Any]:
    """Colour and mark of the series of this number; both come again after 25."""
    again = number // len(COLOURS)
    return {"color": COLOURS[number % len(COLOURS)], "marker": MARKS[(number + again) % len(MARKS)]}


def whiskers(metrics: Sequence[Mapping[str, Any]]) -> list[list[float]]:
    """How far intervals reach below and above; nothing where there is none."""
    below, above = [], []
    for one in metrics:
        value, low, high = (one[name] for name in ("value", "low", "high"))
        below.append(0.0 if low is None else value - low)
        above.append(0.0 if high is None else high - value)
    return [below, above]


def as_svg(figure: "Figure", title: str) -> str:
    """The drawing as text, without a date."""
    drawn = io.StringIO()
    unsaid = {"Date": None, "Creator": None}
    figure.savefig(drawn, format="svg", metadata={"Title": title, **unsaid})
    return drawn.getvalue()
