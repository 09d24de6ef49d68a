"""What moves scores, drawn: over many rows by low and high values, and of one lesion step by step.

Lengths are log odds; to the right lies what raises a score.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

from reports.cases.sheets import ExplainedScore, MovingColumn
from reports.pages.elements import Axis, Plot, Shape
from reports.pages.plots import WIDTH
from workspace.errors import shorten

COLUMN_PX, STEP_PX = 34, 26  # the height of a column in either drawing
LEFT, RIGHT, ABOVE, BELOW = 178, 408, 12, 48
NAME = 26  # letters of a column's name beside a drawing
HALF = 8  # px, of the height of a step
FEW = 5  # ticks, about


@dataclass(frozen=True)
class _Odds:
    """Where log odds lie in a drawing."""

    low: float
    high: float

    @classmethod
    def around(cls, values: Iterable[float]) -> "_Odds":
        some = list(values)
        low, high = min(some), max(some)
        room = 0.04 * (high - low) or 1.0
        return cls(low - room, high + room)

    def x(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return round(LEFT + (RIGHT - LEFT) * share, 1)

    @property
    def ticks(self) -> tuple[tuple[float, str], ...]:
        rough = (self.high - self.low) / FEW
        size = 10.0 ** floor(log10(rough))
        step = next(size * factor for factor in (1, 2, 5, 10) if size * factor >= rough)
        first, last = ceil(self.low / step), floor(self.high / step)
        return tuple((self.x(n * step), f"{n * step:.4g}") for n in range(first, last + 1))


def summary_plot(columns: Sequence[MovingColumn], rows: int) -> Plot:
    """For each column a line and a dot a fifth of the rows, low values above, high ones below."""
    fifths = [fifth for one in columns for fifth in one["fifths"]]
    odds = _Odds.around([0.0, *(f["low"] for f in fifths), *(f["high"] for f in fifths)])
    bottom, shapes, names = ABOVE + COLUMN_PX * len(columns), list[Shape](), []
    for number, one in enumerate(columns):
        above, count = ABOVE + COLUMN_PX * number, len(one["fifths"])
        names.append((above + COLUMN_PX / 2, shorten(one["column"], NAME)))
        for at, fifth in enumerate(one["fifths"]):
            y = round(above + COLUMN_PX * (at + 1) / (count + 1), 1)
            style = f"fifth-{4 * at // max(count - 1, 1)}" if one["ordered"] else "all-rows"
            words = f"around {fifth['middle']:.4g}: {fifth['mean']:+.3f} ({fifth['n']} rows)"
            ends = ((odds.x(fifth["low"]), y), (odds.x(fifth["high"]), y))
            shapes += [
                Shape("line", style, ends),
                Shape("point", style, ((odds.x(fifth["mean"]), y),), words),
            ]
    nothing = Shape("line", "chance", ((odds.x(0), ABOVE), (odds.x(0), bottom)))
    return Plot(
        title="What moves the scores",
        caption=(
            f"What each column adds to the log odds, over {rows:,} rows out of fold, which are in "
            "five parts by their values there: blue the lowest, red the highest. The dot is a "
            "part's mean; its line holds four of five rows. Grey: a category, which has no order."
        ),
        size=(WIDTH, bottom + BELOW),
        box=(LEFT, ABOVE, RIGHT, bottom),
        x=Axis("added to the log odds", odds.ticks),
        y=Axis("", tuple(names)),
        shapes=(nothing, *shapes),
    )


def waterfall(score: ExplainedScore, name: str) -> Plot:
    """From where the boosters begin to a lesion's log odds, column by column."""
    steps = [(f"{one['column']}", one["value"], one["added"]) for one in score["columns"]]
    rest = score["log_odds"] - score["beginning"] - sum(added for *_, added in steps)
    steps.append((f"{score['others']} other columns", "", rest))
    places = [score["beginning"]]
    for *_, added in steps:
        places.append(places[-1] + added)
    odds = _Odds.around(places)
    shapes, names = [], [(_middle(0), "boosters' start")]
    shapes.append(_end(odds, 0, places[0]))
    for number, (column, value, added) in enumerate(steps, start=1):
        names.append((_middle(number), shorten(column, NAME)))
        had = f" = {value}" if value else ""
        ends, style = (places[number - 1], places[number]), "up" if added > 0 else "down"
        shapes.append(_bar(odds, number, ends, style, f"{column}{had}: {added:+.3f}"))
    last = len(steps) + 1
    names.append((_middle(last), "this lesion"))
    shapes.append(_end(odds, last, places[-1]))
    bottom = ABOVE + STEP_PX * (last + 1)
    return Plot(
        title=f"What moved the score of {name}",
        caption=(
            f"From {places[0]:.2f}, where the boosters of its fold begin, to {places[-1]:.2f} log "
            "odds: red raises, blue lowers."
        ),
        size=(WIDTH, bottom + BELOW),
        box=(LEFT, ABOVE, RIGHT, bottom),
        x=Axis("log odds", odds.ticks),
        y=Axis("", tuple(names)),
        shapes=tuple(shapes),
    )


def _middle(number: int) -> float:
    return ABOVE + STEP_PX * (number + 0.5)


def _end(odds: _Odds, number: int, place: float) -> Shape:
    """Where it begins or ends: a stroke, since the axis does not begin at nought."""
    x, y = odds.x(place), _middle(number)
    return Shape("line", "end", ((x, y - HALF), (x, y + HALF)), f"{place:.3f}")


def _bar(odds: _Odds, number: int, ends: tuple[float, float], style: str, words: str) -> Shape:
    left, right = (odds.x(end) for end in ends)
    y = _middle(number)
    corners = ((left, y - HALF), (right, y - HALF), (right, y + HALF), (left, y + HALF))
    return Shape("area", style, corners, words)
