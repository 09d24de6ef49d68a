"""Batches of two views of each picture, at most one picture of a lesion in each.

Two pictures of one lesion in a batch would be told apart, which is the opposite of what is to be
learnt. So lesions are shuffled, their pictures laid out one lesion after another and dealt round to
the batches: those of one lesion lie in as many batches as they are.
"""

from dataclasses import dataclass

import numpy as np

from models.training.contrastive import VIEWS
from models.training.position import seed_of
from workspace.arrays import Ints
from workspace.errors import ConfigError

FEWEST = 2  # pictures of a batch: one alone has nothing to be told from


@dataclass(frozen=True)
class LesionBatches:
    """How each epoch is dealt, drawn from (seed, epoch) alone."""

    indices: Ints  # of the pictures that are learnt from
    lesions: Ints  # of these pictures, by a number
    size: int  # pictures of a batch, at most
    most: int | None  # pictures of an epoch, about; None: as many as there are
    seed: int

    def __call__(self, epoch: int) -> list[Ints]:
        """The epoch's batches, each of its pictures twice."""
        stream = np.random.default_rng(seed_of(self.seed, "order", epoch))
        dealt = deal(self.lesions, self.size, stream)
        shown = len(dealt) if self.most is None else max(1, -(-self.most // self.size))
        return [np.tile(self.indices[places], VIEWS) for places in dealt[:shown]]


def deal(lesions: Ints, size: int, stream: np.random.Generator) -> list[Ints]:
    """Batches of places in `lesions` (n,), of sizes that differ by one at most.

    Where a lesion has more pictures than there are batches, one goes into each and the rest sit out
    this epoch. Batches are fewer where some would hold a single picture.
    """
    _, code, pictures = np.unique(lesions, return_inverse=True, return_counts=True)
    count = batch_count(pictures, size)
    shuffled = stream.permutation(len(lesions))
    turn = stream.permutation(len(pictures))[code[shuffled]]  # of each picture's lesion
    laid = shuffled[np.argsort(turn, kind="stable")]
    first = np.r_[True, code[laid][1:] != code[laid][:-1]]
    nth = np.arange(len(laid)) - np.maximum.accumulate(np.where(first, np.arange(len(laid)), 0))
    shown = laid[nth < count]
    return [shown[number::count] for number in range(count)]


def batch_count(pictures: Ints, size: int) -> int:
    """How many batches lesions of so many pictures make, none of a single picture."""
    if len(pictures) < FEWEST:
        raise ConfigError(
            f"A contrastive network tells lesions apart, and its training rows hold {len(pictures)}"
            " of them; take more rows."
        )
    wanted = -(-int(pictures.sum()) // size)
    fits = (n for n in range(wanted, 0, -1) if np.minimum(pictures, n).sum() >= FEWEST * n)
    return next(fits)
