"""Which rows choose what a bundle decides by, which measure it, and which it learnt from.

Read of a fold's network; no row is on two sides, and each of the first two has both classes.
"""

from dataclasses import dataclass

import numpy as np

from models.export.choosing import check_both_classes, drawn_half
from models.networks.fold import own_rows
from models.networks.rounding import LearntRows
from pipeline.fold_network import FoldNetwork
from workspace.arrays import Ints


@dataclass(frozen=True)
class Sides:
    """Places of the rows that choose, that measure, and that were learnt from."""

    choosing: Ints
    measuring: Ints
    learnt: Ints
    chosen_on: str
    measured_on: str

    @property
    def asked(self) -> Ints:
        return np.concatenate([self.choosing, self.measuring])

    def rows(self, fold: FoldNetwork) -> LearntRows:
        """Of which few bits may take their ranges, and of which not."""
        return LearntRows(self.learnt, np.union1d(self.asked, fold.indices))


def sides_of(fold: FoldNetwork, groups: Ints, seed: int) -> Sides:
    """Inner rows choose, held-out rows measure.

    A network without inner rows has half of its held-out patients or lesions choose, drawn by the
    seed, and the other half measure: none does both.
    """
    learnt, inner = own_rows(fold.network, fold.rows, seed)
    held_out = fold.indices[fold.network.codes[fold.indices] >= 0]
    if len(inner):
        return Sides(inner, held_out, learnt, "its inner rows", "the rows that it held out")
    first, second = drawn_half(held_out, groups[held_out], seed)
    half = "half of the rows that it held out"
    return Sides(first, second, learnt, half, f"the other {half}")


def check_sides(fold: FoldNetwork, sides: Sides) -> None:
    """Refuse, before anything is asked of the network, a side of one class."""
    of_target = np.isin(fold.network.codes, fold.network.labels.target or ())
    which = {
        f"that choose ({sides.chosen_on})": sides.choosing,
        f"that measure ({sides.measured_on})": sides.measuring,
    }
    for words, indices in which.items():
        check_both_classes(of_target[indices], fold.title, words)
