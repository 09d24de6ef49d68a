"""The decision curve: what flagging by a score is worth to people who fear a miss more or less.

Net benefit needs probabilities: a threshold is then the risk from which on somebody would rather
be biopsied. It is drawn per 1,000 rows, beside flagging everybody and nobody.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import polars as pl

from metrics.operating import DecisionPoint, net_benefit
from reports.pages.elements import Plot
from reports.pages.plots import FIFTHS, LIMITS, WIDTH, Frame, Point

STEPS = 120
BEYOND = 4  # times the share of positives: from that share on, flagging everybody does harm
BELOW = 0.25  # of the most that can be gained: how much harm the drawing has room for


def decision_plot(rows: pl.DataFrame, how: str) -> Plot:
    """Of target and probability, out of fold; `how` says where the probabilities come from."""
    target, probability = rows["target"].to_numpy(), rows["probability"].to_numpy()
    share = float(target.mean())
    limit = next(limit for limit in LIMITS if limit >= min(BEYOND * share, 1.0))
    steps = limit * np.arange(1, STEPS + 1) / (STEPS + 1)
    points = net_benefit(target, probability, steps.tolist())
    most = 1000 * share
    frame = Frame((WIDTH, 400), (58, 12, 408, 352), limit, most, low=-BELOW * most)
    return Plot(
        title="Decision curve",
        caption=(
            "Decision curve out of fold. Cancers found per 1,000 rows, less needless biopsies, "
            "each of which weighs t / (1 − t) for somebody who takes a biopsy from a risk of t on. "
            f"Solid: flag by the score, {how}. Dashed: flag everybody. Level: flag nobody."
        ),
        size=frame.size,
        box=frame.box,
        x=frame.axis(
            "risk from which on one is flagged (t)", [limit * one for one in FIFTHS], frame.x
        ),
        y=frame.axis("net benefit per 1,000", _ticks(most), frame.y),
        shapes=(
            frame.shape("line", "guide", [(0, 0), (limit, 0)], "flag nobody"),
            frame.shape("line", "chance", _line(points, "treat_all", frame.low), "flag everybody"),
            frame.shape("line", "main", _line(points, "model", frame.low), "flag by the score"),
        ),
    )


def _line(
    points: Sequence[DecisionPoint], name: Literal["model", "treat_all"], low: float
) -> list[Point]:
    """Per 1,000 rows, as far as the drawing has room for it."""
    known = [(one["threshold"], one[name]) for one in points]
    line = [(at, 1000 * value) for at, value in known if value is not None]
    outside = next((n for n, (_, value) in enumerate(line) if value < low), len(line))
    return line[:outside]


def _ticks(most: float) -> list[float]:
    """Four or five round numbers up to the most that can be gained."""
    size = 10.0 ** np.floor(np.log10(most))
    step = next(s for s in (0.2 * size, 0.25 * size, 0.5 * size, size, 2 * size) if most / s < 5.5)
    return [float(f"{step * n:.6g}") for n in range(int(most / step) + 1)]
