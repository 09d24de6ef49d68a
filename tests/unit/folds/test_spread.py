import numpy as np

from folds.spread import BINS, spread


def test_quantiles_are_of_all_and_counts_of_either_class():
    values = np.array([*range(101), np.nan], float)
    found = spread(values, np.arange(102) % 2 == 1)
    assert found["quantiles"] == [5, 25, 50, 75, 95]
    assert (found["n"], found["distinct"], len(found["edges"])) == (101, 101, BINS + 1)
    assert (sum(found["negatives"]), sum(found["positives"])) == (51, 50)
    assert (found["edges"][0], found["edges"][-1]) == (0, 100)


def test_one_value_is_one_place_and_none_is_nothing():
    found = spread(np.full(3, 7.0), np.array([True, False, False]))
    assert (found["distinct"], sum(found["negatives"])) == (1, 2)
    assert spread(np.array([np.nan]), np.array([True]))["edges"] == []
