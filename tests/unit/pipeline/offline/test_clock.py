import pytest

from pipeline.offline.clock import Clock, OutOfTimeError, dropped, quickest_first, with_time


def clock(limit_s, spent_s=0.0):
    return Clock(100.0, limit_s, now=lambda: 100.0 + spent_s)


def test_what_is_left_keeps_half_a_minute_for_the_file():
    assert clock(600, spent_s=100).left_s == 470
    assert clock(None, spent_s=1e9).left_s == float("inf")


def test_estimates_are_taken_for_a_tenth_too_short():
    assert clock(600).has_time_for(518)  # 518 * 1.1 = 569.8 of 570
    assert not clock(600).has_time_for(519)
    with pytest.raises(OutOfTimeError):
        clock(600).check(519)


def test_costs_within_a_quarter_are_alike_and_go_by_number():
    assert quickest_first({0: 12.0, 1: 10.0, 2: 20.0, 3: 12.5}) == [0, 1, 3, 2]
    assert quickest_first({0: 12.6, 1: 10.0}) == [1, 0]
    assert quickest_first({}) == []


@pytest.mark.parametrize(
    ("limit_s", "folds"),
    [(None, (0, 1, 2)), (400, (0, 1, 2)), (300, (0, 1)), (145, (0,)), (100, ())],
)
def test_as_many_are_chosen_as_end_in_time_together(limit_s, folds):
    costs = {0: 100.0, 1: 101.0, 2: 130.0}
    assert with_time([0, 1, 2], lambda some: sum(map(costs.get, some)), clock(limit_s)) == folds


def test_dropped_are_those_without_time():
    assert dropped([0, 1, 2], [2, 0]) == [1]
