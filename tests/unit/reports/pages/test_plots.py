import numpy as np
import pytest

from metrics.curve import curve
from metrics.inputs import checked
from metrics.pauc import pauc_above_tpr
from reports.pages.plots import above, calibration_plot, roc_plot, roc_points, scores_plot


def drawn(seed):
    """Rows with ties within and across classes."""
    rng = np.random.default_rng(seed)
    target = np.r_[1, 0, rng.integers(0, 2, 60)]
    return target, np.round(rng.random(62) * 0.6 + 0.2 * target, 1)


def area(points):
    """What lies within a closed line, by the shoelace formula."""
    x, y = np.array(points).T
    return abs(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1))) / 2


def within(plot, shape):
    left, top, right, bottom = plot.box
    return all(left <= x <= right and top <= y <= bottom for x, y in shape.points)


def test_the_corners_of_a_curve_by_hand():
    scored = checked([1, 0, 1, 0], [0.9, 0.5, 0.5, 0.1])  # one positive first, then one of each
    assert roc_points(curve(scored)) == [(0, 0), (0, 0), (0, 0.5), (0, 0.5), (0.5, 1), (1, 1)]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("min_tpr", [0.0, 0.5, 0.8, 0.95])
def test_the_filled_area_is_the_pauc(seed, min_tpr):
    target, score = drawn(seed)
    points = roc_points(curve(checked(target, score)))
    assert points[0] == (0, 0)
    assert points[-1] == (1, 1)
    filled = above(points, min_tpr)
    assert area(filled) == pytest.approx(pauc_above_tpr(target, score, min_tpr), abs=1e-12)


@pytest.mark.parametrize("scores", [[1, 0], [0, 1], [0.5, 0.5]])
def test_perfect_worst_and_constant_scores_are_drawn(scores):
    plot = roc_plot([1, 0], scores, [0, 0], 0.1, 0.8)
    assert all(within(plot, shape) for shape in plot.shapes)
    assert area(above(roc_points(curve(checked([1, 0], scores))), 0.8)) == pytest.approx(
        pauc_above_tpr([1, 0], scores)
    )


def test_a_band_goes_along_above_the_curve_and_back_below():
    def interval(low, high):
        return {"low": low, "high": high, "level": 0.9, "unit": "patient", "replicates": 100}

    band = {0.0: interval(0.25, 0.5), 0.5: interval(None, None), 0.75: interval(0.5, 1.0)}
    plot = roc_plot([1, 0], [1, 0], [0, 0], 0.1, 0.8, band)
    [drawn] = [shape for shape in plot.shapes if shape.style == "band"]
    left, top, right, bottom = plot.box
    as_shares = [
        ((x - left) / (right - left), (bottom - y) / (bottom - top)) for x, y in drawn.points
    ]
    corners = [(0, 0.5), (0.75, 1), (1, 1), (0.75, 0.5), (0, 0.25)]
    assert as_shares == [pytest.approx(corner, abs=1e-3) for corner in corners]
    assert plot.caption.endswith(
        "Band: 90% intervals of the sensitivity at each false positive rate by itself, from "
        "drawing patients again 100 times."
    )
    few = roc_plot([1, 0], [1, 0], [0, 0], 0.1, 0.8, {0.0: interval(None, None)})
    assert "Band" not in few.caption
    assert "band" not in [shape.style for shape in few.shapes]


def test_a_fold_of_one_class_has_no_curve():
    plot = roc_plot([1, 0, 0], [0.9, 0.1, 0.2], [0, 0, 1], 0.2, 0.8)
    assert [s.words for s in plot.shapes if s.style == "thin"] == ["fold 0"]


def test_a_long_curve_is_thinned_and_keeps_its_ends():
    rng = np.random.default_rng(0)
    target = rng.integers(0, 2, 20_000)
    plot = roc_plot(target, rng.random(20_000) + target, np.zeros(20_000, int), 0.1, 0.8)
    [line] = [shape for shape in plot.shapes if shape.style == "main"]
    left, top, right, bottom = plot.box
    assert len(line.points) < 1500
    assert (line.points[0], line.points[-1]) == ((left, bottom), (right, top))


def test_calibration_points_lie_inside_and_say_their_n():
    point = {
        "mean_probability": 0.02, "observed": 0.03, "observed_low": 0.0, "observed_high": 0.08,
        "n": 100, "positives": 3,
    }  # fmt: skip
    plot = calibration_plot({"bins": 1, "bins_by": "mass", "points": [point]})
    assert all(within(plot, shape) for shape in plot.shapes)
    assert plot.x.ticks[-1][1] == "0.1"  # the least limit that holds all
    assert "predicted 0.02, observed 0.03 (3 of 100)" in [shape.words for shape in plot.shapes]


def test_a_bin_that_no_row_falls_into_is_not_drawn():
    full = {
        "mean_probability": 0.02, "observed": 0.03, "observed_low": 0.0, "observed_high": 0.08,
        "n": 100, "positives": 3,
    }  # fmt: skip
    empty = dict.fromkeys(full) | {"n": 0, "positives": 0}
    alone = calibration_plot({"bins": 2, "bins_by": "mass", "points": [full]})
    assert calibration_plot({"bins": 2, "bins_by": "mass", "points": [empty, full]}) == alone


def test_scores_without_interval_or_value_are_not_made_up():
    known = {"value": 0.1, "low": 0.05, "high": 0.15}
    found = [("a", known), ("b", known | {"low": None, "high": None}), ("c", {"value": None})]
    plot = scores_plot(found, "pAUC", 0.8)
    assert [shape.style for shape in plot.shapes] == ["chance", "span", "dot", "dot"]
    assert [words for _, words in plot.y.ticks] == ["a", "b", "c"]
