import polars as pl
import pytest

from metrics.operating import net_benefit
from reports.curves.decision import STEPS, decision_plot


def drawn(target, probability):
    rows = pl.DataFrame({"target": target, "probability": probability})
    return decision_plot(rows, "as it is")


def read(plot, style, top, limit):
    """The line's points as they are read off the axes; the level line is at 0."""
    [line] = [shape for shape in plot.shapes if shape.style == style]
    [level] = [shape for shape in plot.shapes if shape.style == "guide"]
    left, up, right, _ = plot.box
    zero = level.points[0][1]
    return [
        ((x - left) / (right - left) * limit, (zero - y) / (zero - up) * top)
        for x, y in line.points
    ]


def test_the_lines_are_the_metrics_room_s_per_1000():
    target, probability = [1, 0, 0, 0, 0] * 4, [0.6, 0.5, 0.1, 0.05, 0.0] * 4
    plot = drawn(target, probability)
    for style, name in (("main", "model"), ("chance", "treat_all")):
        line = read(plot, style, 200, 1.0)  # 4 times 0.2: to 1
        assert len(line) > 10
        steps = [round(at * (STEPS + 1)) / (STEPS + 1) for at, _ in line]
        known = [1000 * point[name] for point in net_benefit(target, probability, steps)]
        assert [value for _, value in line] == pytest.approx(known, abs=0.05)  # of 0.1 px


def test_flagging_everybody_leaves_the_drawing_where_it_does_harm():
    plot = drawn([1, 0, 0, 0, 0] * 4, [0.6, 0.5, 0.1, 0.05, 0.0] * 4)
    line = read(plot, "chance", 200, 1.0)
    assert -50 <= line[-1][1] < -38  # within a step of a quarter of 200
    assert 5 / 21 - 1 / STEPS < line[-1][0] <= 5 / 21  # 0.2 - 0.8 t / (1 - t) is -0.05 there


def test_a_rare_disease_has_a_narrow_axis_and_round_ticks():
    plot = drawn([1] + [0] * 999, [0.5] + [0.0] * 999)
    assert plot.x.ticks[-1][1] == "0.01"
    assert [words for _, words in plot.y.ticks] == ["0", "0.2", "0.4", "0.6", "0.8", "1"]
