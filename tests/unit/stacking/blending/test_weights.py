"""The search for weights, on hills whose top is known."""

import numpy as np
import pytest

from stacking.blending.weights import best_shares


@pytest.mark.parametrize("top", [[24, 12, 0], [0, 36, 0], [12, 12, 12], [13, 11, 12]])
def test_the_search_finds_the_top_of_a_hill(top):
    assert best_shares(lambda parts: -float(np.abs(parts - np.array(top)).sum()), 3).tolist() == top


def test_of_equal_weights_the_more_even_then_the_first_are_taken():
    assert best_shares(lambda _: 0.5, 3).tolist() == [12, 12, 12]
    assert best_shares(lambda parts: -abs(abs(int(parts[0]) - 12) - 6), 2).tolist() == [18, 6]
    assert best_shares(lambda parts: float(max(parts) >= 15), 2).tolist() == [15, 9]
    assert best_shares(lambda _: 0.5, 1).tolist() == [12]
