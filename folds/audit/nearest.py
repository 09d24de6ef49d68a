"""The nearest keys of each row: rows in boxes, and each row looks into the boxes nearest to it.

Boxes come from cutting the rows at medians along the axes in which they differ most. A box that
is further away than the nearest rows seen so far is never looked into; a row looks into BOXES of
them at most, so that the work grows with the rows and not with their square. Up to BOXES * LEAF
rows the answer is exact; how seldom a copy is missed beyond: docs/decisions/0006-near-duplicates.
What is looked at is one matrix product.
"""

from typing import Final

import numpy as np

from workspace.arrays import Bools, Floats32, Ints
from workspace.progress import Show, quietly

LEAF: Final = 1024  # rows of a box; a block of distances is then 4 MB
BOXES: Final = 32
AXES: Final = 8  # in which boxes are measured: some nine tenths of the keys' variance lie there


def nearest_pairs(
    keys: Floats32, reach: float, neighbours: int, show: Show = quietly
) -> tuple[Ints, Ints]:
    """Each row with its nearest within reach; every pair once, its lower row first."""
    keys = _turned(keys)
    leaves = _leaves(keys)
    low = np.array([keys[leaf, :AXES].min(axis=0) for leaf in leaves])
    high = np.array([keys[leaf, :AXES].max(axis=0) for leaf in leaves])
    squares = np.einsum("nk,nk->n", keys, keys)[:, None]
    ones = np.ones_like(squares)
    left = np.concatenate([-2 * keys, squares, ones], axis=1)
    right = np.concatenate([keys, ones, squares], axis=1)
    codes, done = [], 0
    for number, leaf in enumerate(leaves):
        gaps = _gaps(keys[leaf, :AXES], low, high)
        chosen = _smallest(gaps, BOXES)
        nearest = _Nearest(len(leaf), reach, neighbours)
        order = np.argsort(gaps.mean(axis=0), kind="stable")  # its own box has no gap
        for near in order[np.logical_or.reduce(chosen)[order]]:
            open_rows = np.flatnonzero(chosen[:, near] & (gaps[:, near] <= nearest.limit))
            if not len(open_rows):
                continue
            distances = left[leaf[open_rows]] @ right[leaves[near]].T
            if near == number:
                distances[np.arange(len(open_rows)), open_rows] = np.inf
            nearest.add(open_rows, distances, leaves[near])
        nearest.settle()
        rows, others = leaf[nearest.rows], nearest.others
        codes.append(np.minimum(rows, others) * len(keys) + np.maximum(rows, others))
        done += len(leaf)
        show(done, len(keys))
    pairs = np.unique(np.concatenate(codes))
    return pairs // len(keys), pairs % len(keys)


def _turned(keys: Floats32) -> Floats32:
    """The same distances, about the mean, or the squares would lose their digits; the axes in
    which rows differ most come first."""
    keys = keys - keys.mean(axis=0)
    _, axes = np.linalg.eigh((keys.T @ keys).astype(np.float64))
    turned: Floats32 = keys @ axes[:, ::-1].astype(np.float32)
    return turned


def _leaves(keys: Floats32) -> list[Ints]:
    """Rows cut at the median of their widest axis until few are left: a leaf is a small box."""
    leaves, todo = [], [np.arange(len(keys))]
    while todo:
        rows = todo.pop()
        if len(rows) <= LEAF:
            leaves.append(rows)
            continue
        axis = int(np.argmax(keys[rows, :AXES].std(axis=0)))
        rows = rows[np.argsort(keys[rows, axis], kind="stable")]
        todo += [rows[: len(rows) // 2], rows[len(rows) // 2 :]]
    return leaves


def _gaps(keys: Floats32, low: Floats32, high: Floats32) -> Floats32:
    """(R, A) keys, (B, A) ends of boxes -> (R, B) squared distances at least to each box."""
    gaps = np.zeros((len(keys), len(low)), dtype=np.float32)
    for key, lowest, highest in zip(keys.T, low.T, high.T, strict=True):
        off = np.maximum(lowest - key[:, None], key[:, None] - highest)
        gaps += np.square(np.maximum(off, 0, out=off), out=off)
    return gaps


def _smallest(gaps: Floats32, count: int) -> Bools:
    """(R, B): whether it is among the `count` smallest of its row, or as small as these."""
    if gaps.shape[1] <= count:
        return np.ones(gaps.shape, dtype=bool)
    last = np.partition(gaps, count - 1, axis=1)[:, count - 1 : count]
    return np.asarray(gaps <= last)


class _Nearest:
    """The nearest rows seen so far for each row of one leaf, and how near the next must be."""

    def __init__(self, count: int, reach: float, neighbours: int) -> None:
        self.neighbours = neighbours
        self.limit = np.full(count, reach * reach, dtype=np.float32)
        self.rows: Ints = np.zeros(0, dtype=np.int64)
        self.others: Ints = np.zeros(0, dtype=np.int64)
        self.distances: Floats32 = np.zeros(0, dtype=np.float32)
        self.waiting: list[tuple[Ints, Ints, Floats32]] = []

    def add(self, rows: Ints, distances: Floats32, others: Ints) -> None:
        """Rows (R,) of the leaf, squared distances (R, C), and to which rows (C,) these lead."""
        hits = distances <= self.limit[rows, None]
        if np.count_nonzero(hits) > 2 * self.neighbours * len(rows):
            # So many that sorting them all would cost more than finding each row's last.
            last = np.partition(distances, self.neighbours - 1, axis=1)[:, self.neighbours - 1]
            hits = distances <= np.minimum(self.limit[rows], last)[:, None]
        at = np.flatnonzero(hits)
        row, column = np.divmod(at, len(others))
        self.waiting.append((rows[row], others[column], distances.reshape(-1)[at]))
        # Sorting at every block would cost more than the distances; never sorting, the memory.
        if sum(len(rows) for rows, *_ in self.waiting) > self.neighbours * len(self.limit) // 4:
            self.settle()

    def settle(self) -> None:
        parts = [(self.rows, self.others, self.distances), *self.waiting]
        rows, others, distances = (np.concatenate(column) for column in zip(*parts, strict=True))
        self.waiting = []
        order = np.lexsort((others, distances, rows))
        rank = np.arange(len(rows)) - np.searchsorted(rows[order], rows[order])
        order, rank = order[rank < self.neighbours], rank[rank < self.neighbours]
        self.rows, self.others, self.distances = rows[order], others[order], distances[order]
        last = rank == self.neighbours - 1
        self.limit[self.rows[last]] = np.minimum(self.limit[self.rows[last]], self.distances[last])
