"""Whether probabilities mean what they say: Brier score, log loss, calibration error and slope.

A rare disease asks for more than one of them: where 1 in 1,000 has it, a model that always says
0.001 has excellent Brier score, log loss and calibration error, and knows nothing.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal, TypedDict

import numpy as np
from numpy.typing import ArrayLike

from metrics.cohort import Cohort, evenly
from metrics.inputs import Scored, probabilities
from metrics.rates import Rate
from metrics.tally import Tally, Values, side_by_side, tally_columns, tally_rows
from workspace.arrays import Bools, Floats, Ints
from workspace.errors import ConfigError
from workspace.lazy import LazyModule

special = LazyModule("scipy.special")

By = Literal["width", "mass"]

SURE = float(np.finfo(np.float64).eps)  # log loss takes 0 and 1 as this far off, as scikit-learn
CERTAIN = 1e-15  # for logits, which are then within 34.5
GRID = 2048  # points that stand for all logits when thousands of slopes are fitted
ITERATIONS = 200
SETTLED = 1e-8  # the last step, of the logits; Newton's next would be its square
LONGEST = 8.0  # beyond, logistic curves are so flat that Newton's step means nothing
RIDGE = 1e-13  # of the information's size
AT_ONCE = 2**17  # cells of a block of resamples: 1 MB, so that Newton's steps stay in the cache


class _Observed(TypedDict):
    observed: float | None
    observed_low: float | None
    observed_high: float | None


class ReliabilityBin(_Observed):
    """Stated against observed in one bin of probabilities; an empty one has n 0 and None."""

    low: float
    high: float
    n: int
    positives: int
    mean_probability: float | None


def brier(target: ArrayLike, probability: ArrayLike) -> float:
    """The mean squared difference of probability and outcome: 0 is perfect, 1 the worst."""
    return float(_squared(probabilities(target, probability)).mean())


def log_loss(target: ArrayLike, probability: ArrayLike) -> float:
    """The mean of -ln(probability of what happened): 0 is perfect.

    Probabilities are held 2.2e-16 away from 0 and 1, as scikit-learn does: a certainty that was
    wrong costs 36, not infinity.
    """
    return float(_surprise(probabilities(target, probability)).mean())


def bin_edges(probability: ArrayLike, bins: int = 15, by: By = "width") -> Floats:
    """The edges of bins of equal width over 0 to 1, or with about equally many rows each.

    A bin holds what is above its low edge and not above its high one; the first holds its low edge
    as well. By mass equal edges are merged, and the first bin may be a single value with many rows.
    """
    if bins < 1:
        raise ConfigError(f"Calibration is asked for in {bins} bins; it needs 1 at least.")
    even = np.linspace(0.0, 1.0, bins + 1)
    if by == "width":
        return even
    if by != "mass":
        raise ConfigError(f"Calibration bins are by 'width' or by 'mass', not by '{by}'.")
    quantiles = np.quantile(np.asarray(probability, np.float64), even)
    return np.concatenate([quantiles[:1], np.unique(quantiles[1:])])


def reliability(
    target: ArrayLike, probability: ArrayLike, bins: int = 15, by: By = "width"
) -> list[ReliabilityBin]:
    """Stated against observed, a point a bin; an empty bin has n 0 and None for what it lacks.

    `observed_low` and `observed_high` are Wilson's 95 % interval of the observed rate, which takes
    rows as independent; lesions of one patient are not.
    """
    edges = bin_edges(probabilities(target, probability).score, bins, by)
    return observed_between(target, probability, edges)


def observed_between(
    target: ArrayLike, probability: ArrayLike, edges: Floats
) -> list[ReliabilityBin]:
    """As `reliability`, in bins of one's own."""
    scored = probabilities(target, probability)
    bin_of, width = _bin(scored, edges), len(edges) - 1
    n = np.bincount(bin_of, minlength=width)
    positives = np.bincount(bin_of[scored.positive], minlength=width)
    stated = np.bincount(bin_of, weights=scored.score, minlength=width)
    return [
        {
            "low": float(edges[b]),
            "high": float(edges[b + 1]),
            "n": int(n[b]),
            "positives": int(positives[b]),
            "mean_probability": float(stated[b] / n[b]) if n[b] else None,
            **_observed(Rate(int(positives[b]), int(n[b]))),
        }
        for b in range(width)
    ]


def expected_calibration_error(
    target: ArrayLike, probability: ArrayLike, bins: int = 15, by: By = "width"
) -> float:
    """Over the bins, how far the mean probability is from the observed rate, weighted by rows.

    0 is perfect, but it depends on the bins and is above 0 for a perfect model of few rows.
    """
    scored = probabilities(target, probability)
    bin_of = _bin(scored, bin_edges(scored.score, bins, by))
    gap = np.bincount(bin_of, weights=scored.score - scored.positive)
    return float(np.abs(gap).sum() / len(bin_of))


def slope_and_intercept(target: ArrayLike, probability: ArrayLike) -> tuple[float, float]:
    """Cox's calibration slope, and calibration in the large: 1 and 0 are perfect.

    The slope is that of a logistic regression of the target on logit(p), intercept free: below 1
    the probabilities are too extreme, above 1 too timid. The intercept is that with the slope held
    at 1: below 0 the probabilities are too high. Logits are of p within 1e-15 of 0 and 1. NaN
    where there is no finite answer: one class alone, and for the slope also probabilities that
    are all equal or that separate the classes.
    """
    scored = probabilities(target, probability)
    point, cell = np.unique(_logit(scored), return_inverse=True)
    n = np.bincount(cell).astype(np.float64)[None]
    positives = np.bincount(cell, weights=scored.positive).astype(np.float64)[None]
    slope, intercept = _slopes(point, n, positives, np.zeros(1))
    return float(slope[0]), float(intercept[0])


def calibration_tally(
    target: ArrayLike,
    probability: ArrayLike,
    cohort: Cohort,
    bins: int = 15,
    by: By = "width",
) -> Tally:
    """Brier score, log loss, ECE, slope and intercept as sums over patients.

    The edges of the bins are those of all rows, for every resample. More than 2048 distinct
    probabilities are put on a grid for the slope and intercept, which moves the slope by less than
    1e-4 of itself: where each positive truly is goes into its score, so that only what is expected
    of a cell is rounded.
    """
    scored = probabilities(target, probability)
    edges = bin_edges(scored.score, bins, by)
    bin_of = _bin(scored, edges)
    logits = _logit(scored)
    point, cell = _on_grid(logits)
    column = 2 * cell + scored.positive
    off = np.where(scored.positive, logits - point[cell], 0.0)
    each = [scored.score - scored.positive, _squared(scored), _surprise(scored), off]
    if cohort.unit == "row":
        each = _levelled(each, 2 * len(point) * bin_of + column)
    gap, *others = each
    parts = {
        "rows": tally_columns(cohort, [np.ones(len(gap)), *others], _rows),
        "bins": tally_rows(cohort, bin_of, len(edges) - 1, _gaps, gap),
        "grid": tally_rows(cohort, column, 2 * len(point), lambda sums: {"sums": sums}),
    }
    tally = side_by_side(parts, lambda sums: _calibration(sums, point))
    mix = dict.fromkeys(tally.point(), evenly(scored.positive, cohort))
    return replace(tally, mix=mix, distances=frozenset({"ece"}))


def _levelled(each: list[Floats], group: Ints) -> list[Floats]:
    """Everybody's value the mean of the group's: the sums stay, and rows are of a few kinds.

    Without it every single row is its own kind, and acceleration fits 400,000 slopes.
    """
    _, group, counts = np.unique(group, return_inverse=True, return_counts=True)
    return [(np.bincount(group, weights=value) / counts)[group] for value in each]


def _calibration(parts: Mapping[str, Values], point: Floats) -> dict[str, Floats]:
    rows, grid = parts["rows"], parts["grid"]["sums"]
    positives = grid[:, 1::2]
    slope, intercept = _slopes(point, grid[:, ::2] + positives, positives, rows["off"])
    with np.errstate(invalid="ignore", divide="ignore"):  # 0/0 is NaN on purpose
        return {
            "brier": rows["squared"] / rows["n"],
            "log_loss": rows["surprise"] / rows["n"],
            "ece": parts["bins"]["gap"] / rows["n"],
            "calibration_slope": slope,
            "calibration_intercept": intercept,
        }


def _rows(sums: Floats) -> dict[str, Floats]:
    return dict(zip(("n", "squared", "surprise", "off"), sums.T, strict=True))


def _gaps(sums: Floats) -> dict[str, Floats]:
    """A bin's share of the rows times its gap is its sum of p less its sum of y, over all rows."""
    return {"gap": np.abs(sums).sum(axis=1)}


def _squared(scored: Scored) -> Floats:
    squared: Floats = (scored.score - scored.positive) ** 2
    return squared


def _surprise(scored: Scored) -> Floats:
    held = np.clip(scored.score, SURE, 1 - SURE)
    return -np.log(np.where(scored.positive, held, 1 - held))


def _logit(scored: Scored) -> Floats:
    logits: Floats = special.logit(np.clip(scored.score, CERTAIN, 1 - CERTAIN))
    return logits


def _bin(scored: Scored, edges: Floats) -> Ints:
    return np.searchsorted(edges[1:-1], scored.score, "left")


def _observed(rate: Rate) -> _Observed:
    low, high = rate.interval() or (None, None)
    return {"observed": rate.value, "observed_low": low, "observed_high": high}


def _on_grid(x: Floats) -> tuple[Floats, Ints]:
    """At most 2048 points that stand for all values, and for each value its point.

    Half of the cells are equally wide, for the tail, where the positives of a rare disease are;
    half hold equally many, for the bulk. Nothing is merged unless it must be.
    """
    distinct, cell = np.unique(x, return_inverse=True)
    if len(distinct) > GRID:
        inside = np.linspace(0, 1, GRID // 2 + 1)[1:-1]
        wide = x.min() + inside * np.ptp(x)
        edges = np.union1d(wide, np.quantile(x, inside))
        _, cell = np.unique(np.searchsorted(edges, x), return_inverse=True)
    return np.bincount(cell, weights=x) / np.bincount(cell), cell


def _slopes(point: Floats, n: Floats, positives: Floats, off: Floats) -> tuple[Floats, Floats]:
    """Slope and intercept of each resample; n and positives are (resamples, points).

    `off` (resamples,) is how far the logits of the positives lie above their points, summed.
    """
    slope, intercept = np.full((2, len(n)), np.nan)
    at_once = max(1, AT_ONCE // len(point))
    for start in range(0, len(n), at_once):
        block = slice(start, start + at_once)
        intercept[block] = _intercept(point, n[block], positives[block])
        slope[block] = _slope(point, n[block], positives[block], off[block])
    return slope, intercept


def _intercept(point: Floats, n: Floats, positives: Floats) -> Floats:
    """The constant that, added to the logits, makes as many positives expected as there are."""
    n_positive, all_rows = positives.sum(axis=1), n.sum(axis=1)
    intercept = np.full(len(n), np.nan)
    both = (n_positive > 0) & (n_positive < all_rows)
    n_positive, all_rows = n_positive[both], all_rows[both]
    start = special.logit(n_positive / all_rows) - special.logit(
        (n[both] @ special.expit(point)) / all_rows
    )
    rest, design = np.zeros((len(n_positive), 1)), np.ones((len(point), 1))
    fitted = _newton(
        design, n[both], positives[both], rest=rest, answer=start[:, None], offset=point
    )
    intercept[both] = fitted[:, 0]
    return intercept


def _slope(point: Floats, n: Floats, positives: Floats, off: Floats) -> Floats:
    """The slope, where positives and negatives overlap: only there is it finite (Albert 1984)."""
    slope = np.full(len(n), np.nan)
    overlap = _reaches(positives, n - positives) & _reaches(n - positives, positives)
    n, positives, off = n[overlap], positives[overlap], off[overlap]
    middle, spread = point.mean(), point.std() or 1.0
    design = np.stack([np.ones(len(point)), (point - middle) / spread], axis=1)
    rate = positives.sum(axis=1) / n.sum(axis=1)
    start = np.stack([special.logit(rate), np.zeros(len(n))], axis=1)
    rest = np.stack([np.zeros(len(n)), off / spread], axis=1)
    fitted = _newton(design, n, positives, rest=rest, answer=start)
    slope[overlap] = fitted[:, 1] / spread
    return slope


def _reaches(lower: Floats, upper: Floats) -> Bools:
    """Whether some of the one lie below some of the other; the last axis goes up."""
    below = np.argmax(lower > 0, axis=1)
    above = upper.shape[1] - 1 - np.argmax(upper[:, ::-1] > 0, axis=1)
    reaches: Bools = (lower > 0).any(axis=1) & (upper > 0).any(axis=1) & (below < above)
    return reaches


def _newton(
    design: Floats,
    n: Floats,
    positives: Floats,
    *,
    rest: Floats,
    answer: Floats,
    offset: Floats | float = 0.0,
) -> Floats:
    """Logistic regressions of many resamples at once, (resamples, terms); NaN if one won't settle.

    `rest` is what the gradient has beside what positives on the points make of it.
    A step moves no logit much further than it was, and is halved while it overshoots: while the
    gradient along it, which can only fall since the likelihood is concave, has turned and is more
    than half as steep as before.
    """
    widest = np.abs(design).max(axis=0)
    step, slack = np.zeros_like(answer), np.zeros(len(answer))
    settled = np.zeros(len(answer), dtype=bool)
    for _ in range(ITERATIONS):
        gradient, weight = _gradient(design, answer @ design.T + offset, n, positives)
        gradient += rest
        overshot = ~settled & ((gradient * step).sum(axis=1) < -slack)
        full = _full_step(design, weight, gradient)
        reach, size = np.abs(full) @ widest, np.abs(answer) @ widest
        full *= np.minimum(1, (LONGEST + size) / np.maximum(reach, SETTLED))[:, None]
        step = np.where(overshot[:, None], step / 2, full)
        slack = np.where(overshot, slack / 2, (gradient * full).sum(axis=1) / 2)
        move = np.where(overshot[:, None], -step, step)
        answer = np.where(settled[:, None], answer, answer + move)
        settled |= ~overshot & (reach < SETTLED * (1 + size))
        if settled.all():
            break
    return np.where(settled[:, None], answer, np.nan)


def _gradient(
    design: Floats, linear: Floats, n: Floats, positives: Floats
) -> tuple[Floats, Floats]:
    """Of the log likelihood, and each point's weight n p (1 - p).

    Points above one half count as sure and are then corrected by 1 - p: where p rounds to 1, the
    whole numbers cancel exactly and what is left is precise.
    """
    high, tail = linear > 0, special.expit(-np.abs(linear))
    unsure = n * tail
    sure = (positives - n * high) @ design
    gradient: Floats = sure + np.where(high, unsure, -unsure) @ design
    return gradient, unsure * (1 - tail)


def _full_step(design: Floats, weight: Floats, gradient: Floats) -> Floats:
    """Newton's step; the ridge is too small to matter except where the information is singular."""
    terms = design.shape[1]
    pairs = (design[:, :, None] * design[:, None, :]).reshape(len(design), -1)
    information = (weight @ pairs).reshape(len(weight), terms, terms)
    size = np.trace(information, axis1=1, axis2=2)[:, None, None]
    ridge = (RIDGE * size + RIDGE**2) * np.eye(terms)
    step: Floats = np.linalg.solve(information + ridge, gradient[:, :, None])[:, :, 0]
    return step
