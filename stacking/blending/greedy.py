"""Greedy selection with replacement, in bags (Caruana et al. 2004): which members, how often.

Again and again the member is added that makes the average of all added so far best; what counts is
the best of these averages, not the last. Few positives tempt it, so it is done in
several bags, each with some of the members at random, and the picks are added up.
"""

from collections.abc import Callable

import numpy as np

from workspace.arrays import Ints

BAGS, PICKS = 5, 12  # more picks than members have uses for; each costs a sort of all rows
SHARE = 0.5  # of the members in a bag
DIGITS = 12  # of a pAUC: one rank of one row is over 1e-9 of it, rounding errors are 1e-16


def greedy_shares(worth: Callable[[Ints], float], members: int, seed: int = 0) -> Ints:
    """How often each member is picked; `worth` of shares is highest where they rank best."""
    stream = np.random.default_rng(seed)
    total = np.zeros(members, np.int64)
    for _ in range(BAGS):
        among = stream.random(members) < SHARE
        if not among.any():
            among[stream.integers(members)] = True
        total += _picked(worth, np.flatnonzero(among), members)
    return total


def _picked(worth: Callable[[Ints], float], among: Ints, members: int) -> Ints:
    """One bag; of equals the first, so that names and not chance decide."""
    shares = np.zeros(members, np.int64)
    best, best_shares = -np.inf, shares
    for _ in range(PICKS):
        each = []
        for member in among:
            shares[member] += 1
            each.append(round(worth(shares), DIGITS))
            shares[member] -= 1
        chosen = int(np.argmax(each))
        shares[among[chosen]] += 1
        if each[chosen] > best:
            best, best_shares = each[chosen], shares.copy()
    return best_shares
