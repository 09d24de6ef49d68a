"""The drawings of the exploration page: bars, spreads of two classes, columns, a matrix.

Numbers of the sheet in, shapes in pixels out.
"""

from collections.abc import Sequence
from math import ceil, floor, log10

from folds.spread import Spread
from metrics.bootstrap import IntervalSheet
from metrics.separability import Separability
from reports.eda.sheets import Correlations, Number
from reports.pages.elements import Axis, Plot, Shape
from reports.pages.plots import WIDTH, Frame
from workspace.errors import shorten

LINE_PX, NAME_PX, LETTERS = 24, 176, 25
RIGHT, CELL_PX, MATRIX_PX = 392, 15, 150
TENTHS = 10
TICKS = 4


def bars(title: str, caption: str, rows: Sequence[tuple[str, int]], label: str) -> Plot:
    """How many of each kind, one below the other."""
    bottom = 12 + LINE_PX * len(rows)
    top = max(n for _, n in rows) or 1
    frame = Frame((WIDTH, bottom + 48), (NAME_PX, 12, RIGHT, bottom), top, 1.0)
    shapes, names = [], []
    for at, (name, n) in enumerate(rows):
        low, high = 1 - (at + 0.85) / len(rows), 1 - (at + 0.15) / len(rows)
        corners = [(0.0, low), (n, low), (n, high), (0.0, high)]
        shapes.append(frame.shape("area", "column", corners, f"{name}: {n:,}"))
        names.append((frame.y((low + high) / 2), shorten(name, LETTERS)))
    x = frame.axis(label, _ticks(0, top), frame.x)
    return Plot(title, caption, frame.size, frame.box, x, Axis("", tuple(names)), tuple(shapes))


def spread_plot(title: str, found: Spread, unit: str) -> Plot:
    """Where the values of either class lie, each class as shares of its own."""
    edges = found["edges"]
    shares = [_shares(found[name]) for name in ("negatives", "positives")]
    top = max(max(each, default=0.0) for each in shares) or 1.0
    size, box = (WIDTH, 300), (58, 12, RIGHT, 252)
    frame = Frame(size, box, edges[-1], top, begin=edges[0])
    below = [(edges[0], 0.0), *_steps(edges, shares[0]), (edges[-1], 0.0)]
    shapes = [frame.shape("area", "region", below, "negatives")]
    if any(found["positives"]):
        shapes.append(frame.shape("line", "main", _steps(edges, shares[1]), "positives"))
    return Plot(
        title=title,
        caption=(
            f"{title}, n = {found['n']:,}, {found['distinct']:,} values. Filled: the "
            f"{sum(found['negatives']):,} negatives; line: the {sum(found['positives']):,} "
            "positives; each as shares of its own class."
        ),
        size=size, box=box,
        x=frame.axis(unit, _ticks(edges[0], edges[-1]), frame.x),
        y=Axis("share of the class", tuple((frame.y(t), f"{t:.3g}") for t in _ticks(0, top))),
        shapes=tuple(shapes),
    )  # fmt: skip


def columns_plot(found: Sequence[Number], *, compared: bool) -> Plot:
    """The AUC of each column with its interval; its z-score within the patient just below."""
    bottom = 12 + LINE_PX * len(found)
    low = min([0.45, *(v for one in found for v in _ends(one))])
    frame = Frame((WIDTH, bottom + 48), (NAME_PX, 12, 408, bottom), begin=low)
    shapes = [frame.shape("line", "chance", [(0.5, 0), (0.5, 1)], "tells nothing")]
    names = []
    for at, one in enumerate(found):
        y = 1 - (at + 0.5) / len(found)
        names.append((frame.y(y), shorten(one["name"], LETTERS)))
        step = 0.16 / len(found) if one["other"] else 0.0
        shapes += _whisker(frame, one["auc"], y + step, "", "as it is")
        shapes += _whisker(frame, one["other"], y - step, "second", "within the patient")
    again = " Hollow: its z-score among the patient's lesions." if compared else ""
    caption = f"AUC of each column by itself, with interval. Filled: as it is.{again} Dashed: .5."
    ticks = [tick for tick in (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0) if tick >= low]
    x = frame.axis("AUC", ticks, frame.x)
    return Plot("Columns by themselves", caption, frame.size, frame.box, x,
                Axis("", tuple(names)), tuple(shapes))  # fmt: skip


def matrix_plot(found: Correlations) -> Plot:
    """Shaded by strength: one colour together, the other against one another."""
    names, count = found["names"], len(found["names"])
    side = CELL_PX if count > TENTHS else 2 * CELL_PX
    box = (MATRIX_PX, 12, MATRIX_PX + side * count, 12 + side * count)
    frame = Frame((max(WIDTH, box[2] + 12), box[3] + 48), box, count, count)
    shapes = []
    for i, row in enumerate(found["matrix"]):
        for j, value in enumerate(row):
            if value is None or round(abs(value) * TENTHS) == 0:
                continue
            style = f"{'plus' if value > 0 else 'minus'} by{round(abs(value) * TENTHS)}"
            x, y = j, count - i
            corners = [(x, y), (x + 1, y), (x + 1, y - 1), (x, y - 1)]
            words = f"{names[i]}, {names[j]}: {value:.2f}"
            shapes.append(frame.shape("area", style, corners, words))
    return Plot(
        title="Spearman's correlations",
        caption=(
            f"Spearman's correlation of the {count} columns that tell classes apart best, by "
            f"number, n = {found['n']:,}. The fuller the colour the stronger; one colour rising "
            "together, the other against one another."
        ),
        size=frame.size, box=box,
        x=Axis("column", tuple(
            (frame.x(at + 0.5), str(at + 1)) for at in range(count) if count < 12 or at % 2 == 0)),
        y=Axis("", tuple(
            (frame.y(count - at - 0.5), shorten(f"{at + 1} {name}", LETTERS - 4))
            for at, name in enumerate(names))),
        shapes=tuple(shapes),
    )  # fmt: skip


def _whisker(
    frame: Frame, metric: IntervalSheet | None, y: float, style: str, form: str
) -> list[Shape]:
    if metric is None or metric["value"] is None:
        return []
    value, low, high = metric["value"], metric["low"], metric["high"]
    found = []
    if low is not None and high is not None:
        found.append(frame.shape("line", style or "span", [(low, y), (high, y)]))
    return [*found, frame.shape("dot", style or "dot", [(value, y)], f"{form}: {value:.3f}")]


def _ends(one: Separability) -> list[float]:
    known = [metric for metric in (one["auc"], one["other"]) if metric is not None]
    return [end for metric in known for end in (metric["value"], metric["low"]) if end is not None]


def _shares(counts: Sequence[int]) -> list[float]:
    whole = sum(counts) or 1
    return [n / whole for n in counts]


def _steps(edges: Sequence[float], heights: Sequence[float]) -> list[tuple[float, float]]:
    ends = zip(edges[:-1], edges[1:], heights, strict=True)
    return [point for low, high, y in ends for point in ((low, y), (high, y))]


def _ticks(low: float, high: float) -> list[float]:
    """Round numbers between the two, about as many as TICKS."""
    rough = (high - low) / TICKS or 1.0
    tens = 10.0 ** floor(log10(rough))
    step = next(tens * by for by in (1, 2, 5, 10) if tens * by >= rough * 0.99)
    first = ceil(low / step - 1e-9)
    return [round(at * step, 10) for at in range(first, floor(high / step + 1e-9) + 1)]
