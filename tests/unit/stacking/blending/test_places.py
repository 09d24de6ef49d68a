import numpy as np
import pytest

from stacking.blending.places import Ruler

KNOWN = np.array([0.9, 0.2, 0.1, 0.2])


def test_a_known_score_has_its_mean_rank_as_a_whole_number_of_halves():
    ruler = Ruler.of(KNOWN)
    assert ruler.halves_of(KNOWN).tolist() == [7, 4, 1, 4]
    assert ruler.place(KNOWN).tolist() == [7 / 8, 4 / 8, 1 / 8, 4 / 8]


def test_between_and_beyond_known_scores_the_order_is_kept():
    ruler = Ruler.of(KNOWN)
    asked = np.array([0.0, 0.05, 0.1, 0.15, 0.2, 0.55, 0.9, 0.91, 1.0])
    halves = ruler.halves_of(asked)
    assert halves[3] == pytest.approx(2.5)  # half way from 1 to 4
    assert halves[5] == pytest.approx(5.5)  # half way from 4 to 7
    assert halves[0] == pytest.approx(1 - 0.1 / 0.9)  # 0.1 below, the span is 0.8
    assert halves[8] == pytest.approx(7 + 0.1 / 0.9)
    assert (np.diff(halves) > 0).all()
    assert halves.min() > 0
    assert halves.max() < 8


def test_a_place_does_not_hang_on_who_else_is_asked_about():
    ruler = Ruler.of(KNOWN)
    asked = np.array([0.3, 0.01, 0.95])
    alone = [ruler.place(asked[[number]])[0] for number in range(3)]
    assert ruler.place(asked).tolist() == alone


def test_a_constant_is_in_the_middle_and_what_differs_from_it_beside():
    ruler = Ruler.of(np.full(3, 0.4))
    places = ruler.place(np.array([0.4, 0.4, 0.39, 0.41]))
    assert places[:2].tolist() == [0.5, 0.5]
    assert 0 < places[2] < 0.5 < places[3] < 1


def test_scores_that_hardly_differ_have_finite_places():
    tiny = np.array([0.0, 5e-324, 1e-323])
    places = Ruler.of(tiny[[0, 2]]).place(np.array([*tiny, 1.0]))
    assert places[:3].tolist() == [0.25, 0.5, 0.75]
    assert 0.75 < places[3] <= 1
