"""The report's drawings: ROC curve, calibration, and scores side by side.

Scores in, shapes in pixels out. Every drawing is about 420 px wide, so that its letters can still
be read on a telephone.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import ArrayLike

from metrics.bootstrap import IntervalSheet
from metrics.curve import Curve, curve
from metrics.inputs import as_positive, checked
from reports.pages.elements import Axis, Plot, Shape
from reports.sheets import Interval, Reliability
from workspace.errors import shorten

WIDTH = 420
FINEST_PX = 0.5  # a curve of many steps is drawn no finer than this
MOST_FOLDS = 12  # thin lines: more would hide the curve
LINE_PX = 30  # the height of a score in the drawing of all
FIFTHS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
LIMITS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
SHARES = (0.0, 0.01, 0.05, 0.2, 0.5, 1.0)  # ticks of a square-root axis, of its limit

Point = tuple[float, float]


@dataclass(frozen=True)
class Frame:
    """Where values lie in a drawing: x from `begin` to `right`, y from `low` to `top`."""

    size: tuple[int, int]
    box: tuple[int, int, int, int]
    right: float = 1.0
    top: float = 1.0
    scale: Callable[[float], float] = float
    begin: float = 0.0
    low: float = 0.0

    def x(self, value: float) -> float:
        left, _, right, _ = self.box
        share = (value - self.begin) / ((self.right - self.begin) or 1.0)
        return round(left + (right - left) * self.scale(share), 1)

    def y(self, value: float) -> float:
        _, top, _, bottom = self.box
        share = (value - self.low) / (self.top - self.low)
        return round(bottom - (bottom - top) * self.scale(share), 1)

    def shape(self, kind: str, style: str, points: Iterable[Point], words: str = "") -> Shape:
        return Shape(kind, style, self._thinned([(self.x(x), self.y(y)) for x, y in points]), words)

    def axis(self, label: str, ticks: Iterable[float], place: Callable[[float], float]) -> Axis:
        return Axis(label, tuple((place(tick), f"{tick:.6g}") for tick in ticks))

    def _thinned(self, points: Sequence[Point]) -> tuple[Point, ...]:
        """Without points that no eye tells from the one before; the last one stays."""
        kept = list(points[:1])
        for number, (x, y) in enumerate(points[1:], start=2):
            near = max(abs(x - kept[-1][0]), abs(y - kept[-1][1])) < FINEST_PX
            if not near or number == len(points):
                kept.append((x, y))
        return tuple(kept)


def roc_plot(
    target: ArrayLike, score: ArrayLike, fold: ArrayLike, pauc: float | None, min_tpr: float,
    band: Mapping[float, IntervalSheet] | None = None,
) -> Plot:  # fmt: skip
    """The curve of all rows over those of the folds and its band; what pAUC measures is filled."""
    frame = Frame((WIDTH, 400), (58, 12, 408, 352))
    positive, scores, folds = as_positive(target), np.asarray(score), np.asarray(fold)
    whole = roc_points(curve(checked(positive, scores)))
    shapes = [
        frame.shape("area", "region", above(whole, min_tpr)),
        *([frame.shape("area", "band", corners)] if (corners := _corners(band or {})) else []),
        frame.shape("line", "guide", [(0, min_tpr), (1, min_tpr)]),
        frame.shape("line", "chance", [(0, 0), (1, 1)]),
    ]
    names = np.unique(folds)
    for name in names if len(names) <= MOST_FOLDS else ():
        part = checked(positive[folds == name], scores[folds == name])
        if part.has_both:
            shapes.append(frame.shape("line", "thin", roc_points(curve(part)), f"fold {name}"))
    shapes.append(frame.shape("line", "main", whole, "all folds, pooled"))
    if pauc is not None:
        place = (1 - 0.02, (1 + min_tpr) / 2)
        shapes.append(frame.shape("end", "said", [place], f"pAUC {pauc:.4f}"))
    return Plot(
        title="ROC curve",
        caption=(
            f"ROC curve out of fold: all folds pooled, thin each fold. Filled: the area above "
            f"{min_tpr:.0%} sensitivity, which pAUC measures. Dashed: chance.{_said_of(band or {})}"
        ),
        size=frame.size,
        box=frame.box,
        x=frame.axis("false positive rate (1 − specificity)", FIFTHS, frame.x),
        y=frame.axis("true positive rate (sensitivity)", FIFTHS, frame.y),
        shapes=tuple(shapes),
    )


def _corners(band: Mapping[float, IntervalSheet]) -> list[Point]:
    """Around the intervals, left to right above and back below; the curve ends at (1, 1)."""
    known = [(x, one["low"], one["high"]) for x, one in band.items()]
    lows = [(x, low) for x, low, _ in known if low is not None]
    highs = [(x, high) for x, _, high in known if high is not None]
    return [*highs, (1.0, 1.0), *reversed(lows)] if lows else []


def _said_of(band: Mapping[float, IntervalSheet]) -> str:
    one = next((one for one in band.values() if one["low"] is not None), None)
    if one is None:
        return ""
    return (
        f" Band: {one['level']:.0%} intervals of the sensitivity at each false positive rate by "
        f"itself, from drawing {one['unit']}s again {one['replicates']:,} times."
    )


def roc_points(found: Curve) -> list[Point]:
    """The corners of the curve from (0, 0) to (1, 1); scores tied across classes are a slope."""
    negatives, positives = float(found.n_negative), float(found.n_positive)
    reached = np.cumsum(found.positives[::-1])[::-1] / positives
    missing = reached - found.positives / positives  # reached before this score, from the top
    before = (negatives - found.below - found.tied) / negatives
    after = (negatives - found.below) / negatives
    points = [(0.0, 0.0)]
    for at in range(len(reached) - 1, -1, -1):
        points += [
            (float(before[at]), float(missing[at])),
            (float(after[at]), float(reached[at])),
        ]
    return [*points, (1.0, 1.0)]


def above(points: Sequence[Point], level: float) -> list[Point]:
    """The area between the curve and the line at `level`, as the corners around it."""
    first = next(at for at, (_, y) in enumerate(points) if y >= level)
    (x0, y0), (x1, y1) = points[max(first - 1, 0)], points[first]
    start = x1 if y1 == y0 else x0 + (x1 - x0) * (level - y0) / (y1 - y0)
    return [(start, level), *points[first:], (1.0, level)]


def calibration_plot(reliability: Reliability) -> Plot:
    """Each bin's share of positives with its interval, over what was predicted."""
    # Where many scores are tied, no row falls into some bins: there is nothing to draw of these.
    points = [point for point in reliability["points"] if point["n"]]
    greatest = max(max(p["observed_high"], p["mean_probability"]) for p in points)
    limit = next(limit for limit in LIMITS if limit >= min(greatest, 1.0))
    frame = Frame((WIDTH, 400), (58, 12, 408, 352), limit, limit, lambda v: sqrt(max(v, 0.0)))
    shapes = [frame.shape("line", "chance", [(0, 0), (limit, limit)])]
    for point in points:
        x = point["mean_probability"]
        whisker = [(x, point["observed_low"]), (x, point["observed_high"])]
        words = (
            f"predicted {x:.4g}, observed {point['observed']:.4g} "
            f"({point['positives']} of {point['n']})"
        )
        shapes.append(frame.shape("line", "whisker", whisker))
        shapes.append(frame.shape("dot", "dot", [(x, point["observed"])], words))
    ticks = [limit * share for share in SHARES]
    by = "as many rows in each" if reliability["bins_by"] == "mass" else "equally wide"
    return Plot(
        title="Calibration",
        caption=(
            f"Calibration in {reliability['bins']} bins, {by}, with intervals; both axes are "
            "square roots, since most probabilities of a rare disease are small. Dashed: perfect."
        ),
        size=frame.size,
        box=frame.box,
        x=frame.axis("predicted probability", ticks, frame.x),
        y=frame.axis("observed share of positives", ticks, frame.y),
        shapes=tuple(shapes),
    )


def scores_plot(found: Sequence[tuple[str, Interval]], label: str, min_tpr: float) -> Plot:
    """The pAUC of each score with its interval, one below the other."""
    bottom = 12 + LINE_PX * len(found)
    best = 1 - min_tpr
    frame = Frame((WIDTH, bottom + 48), (132, 12, 408, bottom), best, 1.0)
    chance = best**2 / 2
    shapes = [frame.shape("line", "chance", [(chance, 0), (chance, 1)], "a constant score")]
    rows = []
    for number, (name, value) in enumerate(found):
        y = 1 - (number + 0.5) / len(found)
        rows.append((frame.y(y), shorten(name, 17)))
        if value["value"] is None:
            continue
        low, high = value["low"], value["high"]
        if low is not None and high is not None:
            span = [(low, y), (high, y)]
            shapes.append(frame.shape("line", "span", span))
        shapes.append(frame.shape("dot", "dot", [(value["value"], y)], f"{value['value']:.4f}"))
    ticks = [best * share for share in (0.0, 0.25, 0.5, 0.75, 1.0)]
    return Plot(
        title="Scores side by side",
        caption=" ".join(
            [
                "Each score with its interval. Dashed: what a constant score comes to.",
                *dict.fromkeys(why for _, value in found if (why := value.get("reason"))),
            ]
        ),
        size=frame.size,
        box=frame.box,
        x=frame.axis(label, ticks, frame.x),
        y=Axis("", tuple(rows)),
        shapes=tuple(shapes),
    )
