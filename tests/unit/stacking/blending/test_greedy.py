"""Greedy selection beside Caruana's loop written out, and what it must never do."""

import numpy as np
import pytest

from stacking.blending.greedy import BAGS, PICKS, _picked, greedy_shares


def worth_of(goal):
    """Best where the shares' mean is nearest to a point."""

    def worth(shares):
        return -float(np.abs(shares / shares.sum() - goal).sum())

    return worth


def slowly(worth, among, members):
    picks, best = [], (-np.inf, [])
    for _ in range(PICKS):
        tried = []
        for member in among:
            counts = np.bincount([*picks, member], minlength=members)
            tried.append((round(worth(counts), 12), -member))
        value, member = max(tried)
        picks.append(-member)
        if value > best[0]:
            best = (value, picks.copy())
    return np.bincount(best[1], minlength=members)


@pytest.mark.parametrize("goal", [(0.5, 0.5, 0), (0.25, 0, 0.75), (1, 0, 0), (1 / 3, 1 / 3, 1 / 3)])
@pytest.mark.parametrize("among", [(0, 1, 2), (0, 2), (1,)])
def test_it_picks_as_the_loop_written_out(goal, among):
    worth = worth_of(np.array(goal))
    assert _picked(worth, np.array(among), 3).tolist() == slowly(worth, among, 3).tolist()


def test_the_best_average_counts_and_not_the_last():
    """Half and half is reached with two picks; an odd twelfth pick would spoil it."""
    assert _picked(worth_of(np.array([0.5, 0.5])), np.array([0, 1]), 2).tolist() == [1, 1]


def test_every_bag_has_someone_and_the_same_seed_picks_the_same():
    worth = worth_of(np.array([0.2, 0.8]))
    shares = greedy_shares(worth, 2, seed=3)
    assert BAGS <= shares.sum() <= BAGS * PICKS
    assert greedy_shares(worth, 2, seed=3).tolist() == shares.tolist()
    assert greedy_shares(lambda shares: 1.0, 1).tolist() == [BAGS]
