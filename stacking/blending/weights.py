"""Weights of members in whole shares, by moves from one member to another.

Up from even ones: a full grid of six members is thousands of sorts of all rows, and would fit the
few positives more closely.
"""

from collections.abc import Callable
from itertools import permutations

import numpy as np

from stacking.blending.greedy import DIGITS
from workspace.arrays import Ints

EVEN = 12  # shares of each member before the search; 12 has halves, thirds and quarters
STEPS = (6, 3, 1)  # shares moved from one member to another, coarse steps first


def best_shares(worth: Callable[[Ints], float], members: int) -> Ints:
    """How many shares each member gets, so that `worth` of them is highest.

    From even ones on, the best single move of some shares from one member to another, until none
    is better; then smaller moves. Of equals the more even, then what favours the first names.
    """

    def key(shares: Ints) -> tuple[float, int, tuple[int, ...]]:
        return round(worth(shares), DIGITS), -int(np.sum(shares**2)), tuple(shares.tolist())

    current = np.full(members, EVEN)
    best = key(current)
    for step in STEPS:
        while True:
            moves = []
            for giver, taker in permutations(range(members), 2):
                if current[giver] >= step:
                    moves.append(current.copy())
                    moves[-1][[giver, taker]] += [-step, step]
            highest = max(map(key, moves), default=best)
            if highest <= best:
                break
            best, current = highest, np.array(highest[2])
    return current
