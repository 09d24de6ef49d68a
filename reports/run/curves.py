"""A training's curves as drawings: loss, inner score and learning rate by epoch.

Of one training, or of a network's folds upon one another, so that one sees which fold is unlike the
others. The same scale in all drawings of a network.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import ceil, floor, log10

from reports.pages.elements import Axis, Plot, Shape
from reports.pages.plots import Frame, Point
from reports.run.sheets import Training

LOSS, RATE = "loss", "lr"
NAMES = {
    LOSS: "Loss in training", RATE: "Learning rate", "auc": "Inner AUC",
    "macro_f1": "Inner macro F1", "knn_accuracy": "Inner kNN accuracy",
    "knn_balanced_accuracy": "Inner kNN balanced accuracy",
}  # fmt: skip
SIZE, BOX = (300, 200), (60, 10, 290, 158)
STEPS = (1.0, 2.0, 5.0, 10.0)
TICKS = 4  # about so many on an axis
FEW = 2  # ticks at powers of ten; fewer would leave an axis bare


@dataclass(frozen=True)
class Scale:
    """Where the epochs and values of one quantity lie, in all drawings of a network."""

    key: str
    last: int  # epoch
    low: float
    high: float
    ticks: tuple[float, ...]
    by_factors: bool = False

    def place(self, value: float) -> float:
        """From 0 at the lowest to 1 at the highest."""
        low, high = self.low, self.high
        if self.by_factors:
            value, low, high = log10(value), log10(low), log10(high)
        return (value - low) / (high - low)


def scale_of(key: str, trainings: Sequence[Training]) -> Scale:
    """That fits all values; a rate, which goes down by tens, is drawn by factors."""
    values = [float(entry[key]) for one in trainings for entry in one.history]
    last = max(int(one.history[-1]["epoch"]) for one in trainings)
    low, high = min(values), max(values)
    if key == RATE and low > 0:
        low, high = (low / 2, high * 2) if low == high else (low, high)
        return Scale(key, last, low, high, _factors(low, high), by_factors=True)
    low, high = (low - 0.5, high + 0.5) if low == high else (low, high)
    step = _step((high - low) / TICKS)
    first, end = floor(low / step + 1e-9), ceil(high / step - 1e-9)
    ticks = tuple(round(step * number, 10) for number in range(first, end + 1))
    return Scale(key, last, ticks[0], ticks[-1], ticks)


def curve_plot(scale: Scale, trainings: Sequence[Training], title: str = "") -> Plot:
    """A line for each training, with a dot at the epoch that was chosen; one alone with phases."""
    frame = Frame(SIZE, BOX, right=max(scale.last, 2) - 1)
    shapes = _phases(frame, trainings[0], scale) if len(trainings) == 1 else []
    for one in trainings:
        points = [(entry["epoch"] - 1, scale.place(entry[scale.key])) for entry in one.history]
        style = "main" if len(trainings) == 1 else "fold"
        shapes.append(frame.shape("line", style, points, one.name))
        if len(points) == 1 or one.chosen:
            at = one.best_epoch - 1 if one.chosen else 0
            shapes.append(frame.shape("dot", "dot", [points[at]], _said(one, at, scale.key)))
    named = NAMES.get(scale.key, f"Inner {scale.key.replace('_', ' ')}")
    return Plot(
        title=f"{named}, {title}" if title else named,
        caption=f"{named}, {title}." if title else f"{named}.",
        size=frame.size,
        box=frame.box,
        x=Axis("epoch", tuple((frame.x(t - 1), str(t)) for t in _epochs(scale.last))),
        y=Axis("", tuple((frame.y(scale.place(tick)), f"{tick:g}") for tick in scale.ticks)),
        shapes=tuple(shapes),
    )


def _said(one: Training, at: int, key: str) -> str:
    entry = one.history[at]
    best = "best epoch" if one.chosen else "epoch"
    return f"{one.name}, {best} {entry['epoch']}: {entry[key]:.4g}"


def _phases(frame: Frame, one: Training, scale: Scale) -> list[Shape]:
    """Every other phase shaded, and each named where there are several."""
    shapes: list[Shape] = []
    spans = [(n, list(every)) for n, every in groupby(one.history, lambda entry: entry["phase"])]
    last = scale.last - 1
    for number, entries in spans if len(spans) > 1 else ():
        start = max(entries[0]["epoch"] - 1.5, 0)
        end = min(entries[-1]["epoch"] - 0.5, last)
        if number % 2 == 0:
            corners: list[Point] = [(start, 0), (start, 1), (end, 1), (end, 0)]
            shapes.append(frame.shape("area", "phase", corners, f"phase {number}"))
    return shapes


def _step(least: float) -> float:
    """The next of 1, 2, 5, 10 times a power of ten."""
    power = 10.0 ** floor(log10(least))
    return next(step * power for step in STEPS if step * power >= least * (1 - 1e-9))


def _factors(low: float, high: float) -> tuple[float, ...]:
    """Powers of ten between two values; with their doubles and halves where they are few."""
    exponents = range(floor(log10(low)), ceil(log10(high)) + 1)
    choices: tuple[Callable[[int], list[float]], ...] = (
        lambda power: [10.0**power],
        lambda power: [step * 10.0**power for step in STEPS[:3]],
    )
    for ticks_of in choices:
        ticks = [t for power in exponents for t in ticks_of(power) if low <= t <= high]
        if len(ticks) >= FEW:
            break
    return tuple(ticks) if len(ticks) >= FEW else (low, high)


def _epochs(last: int) -> list[int]:
    """Whole epochs, the first and the last among them."""
    step = max(1, ceil((last - 1) / TICKS))
    marks = [*range(1, last, step), last]
    if len(marks) > 2 and 2 * (marks[-1] - marks[-2]) <= step:
        del marks[-2]
    return marks
