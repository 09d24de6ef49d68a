"""Drawings of the exploration: lengths, places and shades by hand."""

import pytest

from reports.eda.plots import RIGHT, _ticks, bars, columns_plot, matrix_plot, spread_plot


def metric(value, low=None, high=None):
    return {"value": value, "low": low, "high": high}


def column(name, auc, other=None):
    return {"name": name, "auc": auc, "other": other, "n": 9, "positives": 3, "missing": 0,
            "larger": True, "gain": None, "reason": None}  # fmt: skip


def within(plot):
    left, top, right, bottom = plot.box
    points = [point for shape in plot.shapes for point in shape.points]
    return all(left <= x <= right and top <= y <= bottom for x, y in points)


def test_a_bar_is_as_long_as_its_share_of_the_longest():
    plot = bars("Rows", "", [("a", 4), ("b", 1), ("c", 0)], "rows")
    widths = [shape.points[1][0] - plot.box[0] for shape in plot.shapes]
    assert widths == [RIGHT - plot.box[0], (RIGHT - plot.box[0]) / 4, 0]
    assert [words for _, words in plot.y.ticks] == ["a", "b", "c"]
    assert [shape.words for shape in plot.shapes] == ["a: 4", "b: 1", "c: 0"]
    assert within(plot)


def test_each_class_is_drawn_as_shares_of_its_own():
    found = {"n": 12, "quantiles": [], "distinct": 2, "edges": [-2.0, 0.0, 2.0],
             "negatives": [8, 0], "positives": [1, 3]}  # fmt: skip
    plot = spread_plot("Width", found, "pixels")
    filled, line = plot.shapes
    left, top, right, bottom = plot.box
    half = (left + right) / 2
    assert tuple(dict.fromkeys(filled.points)) == (
        (left, bottom), (left, top), (half, top), (half, bottom), (right, bottom),
    )  # fmt: skip
    quarter = bottom - (bottom - top) / 4
    assert line.points[:2] == ((left, quarter), (half, quarter))
    assert "the 8 negatives; line: the 4 positives" in plot.caption
    assert within(plot)


def test_no_line_is_drawn_of_a_class_that_is_not_there():
    found = {"n": 1, "quantiles": [], "distinct": 1, "edges": [0.5, 1.5], "negatives": [1],
             "positives": [0]}  # fmt: skip
    assert [shape.kind for shape in spread_plot("Width", found, "").shapes] == ["area"]


def test_a_column_stands_at_its_auc_and_its_second_form_just_below():
    plot = columns_plot(
        [column("a", metric(0.5, 0.4, 0.6), metric(1.0)), column("b", metric(0.75))], compared=True
    )
    dots = [shape for shape in plot.shapes if shape.kind == "dot"]
    (own, y), (second, below), _ = [shape.points[0] for shape in dots]
    assert [shape.style for shape in dots] == ["dot", "second", "dot"]
    assert below > y  # pixels run downwards
    assert second == plot.box[2]
    chance = next(shape for shape in plot.shapes if shape.style == "chance")
    assert own == chance.points[0][0]
    assert within(plot)


def test_a_cell_is_shaded_by_its_strength_and_coloured_by_its_sign():
    found = {"n": 9, "names": ["a", "b"], "matrix": [[1.0, -0.34], [-0.34, None]], "above": 0.95,
             "pairs": []}  # fmt: skip
    plot = matrix_plot(found)
    assert [(shape.style, shape.words) for shape in plot.shapes] == [
        ("plus by10", "a, a: 1.00"), ("minus by3", "a, b: -0.34"), ("minus by3", "b, a: -0.34"),
    ]  # fmt: skip
    first, second, third = [shape.points[0] for shape in plot.shapes]
    assert first[1] == second[1] < third[1]  # the first row on top
    assert first[0] == third[0] < second[0]
    assert within(plot)


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [(0, 1517, [0, 500, 1000, 1500]), (0, 4, [0, 1, 2, 3, 4]), (75, 241, [100, 150, 200]),
     (-61.6, -11.1, [-60, -40, -20]), (0, 0.188, [0, 0.05, 0.1, 0.15]), (3, 3, [3])],
)  # fmt: skip
def test_ticks_are_round_numbers(low, high, ticks):
    assert _ticks(low, high) == ticks
