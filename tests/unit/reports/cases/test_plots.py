import pytest

from reports.cases.plots import LEFT, RIGHT, summary_plot, waterfall
from tests.unit.reports.cases.test_section import MOVING


def test_steps_follow_one_another_from_the_beginning_to_the_score():
    score = {
        "beginning": -3.0, "log_odds": -1.5, "others": 4,
        "columns": [
            {"column": "a", "value": "1", "added": 2.0},
            {"column": "b", "value": "2", "added": -1.0},
        ],
    }  # fmt: skip
    plot = waterfall(score, "ISIC_1")
    beginning, first, second, rest, end = plot.shapes
    assert [one.style for one in plot.shapes] == ["end", "up", "down", "up", "end"]
    assert [one.words for one in plot.shapes] == [
        "-3.000", "a = 1: +2.000", "b = 2: -1.000", "4 other columns: +0.500", "-1.500"
    ]  # fmt: skip

    def ends(shape):
        return shape.points[0][0], shape.points[1][0]

    assert ends(beginning)[1] == ends(first)[0]
    assert ends(first)[1] == ends(second)[0]
    assert ends(second)[1] == ends(rest)[0]
    assert ends(rest)[1] == ends(end)[1]
    unit = (ends(first)[1] - ends(first)[0]) / 2  # of one in log odds
    assert ends(second)[0] - ends(second)[1] == pytest.approx(unit, abs=0.2)
    assert [words for _, words in plot.y.ticks] == [
        "boosters' start", "a", "b", "4 other columns", "this lesion"
    ]  # fmt: skip


def test_dots_lie_in_the_drawing_low_values_first_and_ticks_where_they_say():
    plot = summary_plot(MOVING["columns"], 10)
    dots = [one for one in plot.shapes if one.kind == "point"]
    assert [one.style for one in dots] == [*(f"fifth-{n}" for n in range(5)), "all-rows"]
    assert all(LEFT <= one.points[0][0] <= RIGHT for one in plot.shapes)
    heights = [one.points[0][1] for one in dots]
    assert heights == sorted(heights)
    ticks = {words: place for place, words in plot.x.ticks}
    assert ticks["0"] == dots[2].points[0][0]  # the mean of the third fifth
    assert ticks["2"] == dots[4].points[0][0]


def test_a_score_that_nothing_moved_can_be_drawn():
    plot = waterfall({"beginning": 1.0, "log_odds": 1.0, "others": 3, "columns": []}, "x")
    assert len(plot.shapes) == 3
