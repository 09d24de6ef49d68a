"""Neighbours, alignment and uniformity, by hand and against a loop over pairs."""

import math

import numpy as np
import pytest

from metrics.representation import alignment, nearest_class, uniformity

EAST, NORTH, WEST = [1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]


def points(*rows):
    return np.array(rows, np.float32)


def test_a_point_is_called_as_most_of_its_nearest_by_direction_are():
    bank = points([9.0, 0.1], [1.0, 0.2], [0.1, 5.0], [0.0, 1.0], [-3.0, 0.0])
    codes = np.array([2, 2, 0, 0, 1])
    asked = points([0.5, 0.0], [0.0, 7.0], [-1.0, -0.1])
    assert nearest_class(bank, codes, asked, 1).tolist() == [2, 0, 1]
    assert nearest_class(bank, codes, asked, 2).tolist()[:2] == [2, 0]


def test_of_classes_with_as_many_neighbours_it_is_the_first():
    bank, codes = points(EAST, NORTH, WEST), np.array([2, 1, 0])
    assert nearest_class(bank, codes, points([0.1, 1.0]), 20).tolist() == [0]  # one of each


def test_alignment_is_the_mean_squared_distance_of_directions():
    one, other = points(EAST, NORTH, [3.0, 0.0]), points([5.0, 0.0], EAST, WEST)
    assert alignment(one, other) == pytest.approx((0 + 2 + 4) / 3)


def test_uniformity_is_nought_of_one_point_and_by_hand_of_three():
    assert uniformity(points(EAST, [2.0, 0.0], [7.0, 0.0])) == pytest.approx(0.0, abs=1e-12)
    pairs = [math.exp(-2 * 2), math.exp(-2 * 4), math.exp(-2 * 2)]
    assert uniformity(points(EAST, NORTH, WEST)) == pytest.approx(math.log(sum(pairs) / 3))
    assert math.isnan(uniformity(points(EAST)))


def test_it_is_what_a_loop_over_pairs_finds():
    drawn = np.random.default_rng(0).normal(size=(17, 5))
    unit = drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
    each = [
        math.exp(-2 * sum((a - b) ** 2 for a, b in zip(unit[i], unit[j], strict=True)))
        for i in range(17)
        for j in range(i)
    ]
    assert uniformity(drawn) == pytest.approx(math.log(sum(each) / len(each)), rel=1e-12)


def test_evenly_on_a_sphere_of_many_dimensions_it_is_about_minus_four():
    drawn = np.random.default_rng(0).normal(size=(400, 128))
    assert uniformity(drawn) == pytest.approx(-4, abs=0.1)


def test_a_point_at_the_origin_is_no_division_by_nought():
    assert alignment(points([0.0, 0.0]), points(EAST)) == 1.0
