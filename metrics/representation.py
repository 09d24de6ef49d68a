"""What embeddings are worth that nobody labelled: nearest neighbours, alignment, uniformity.

Points are rows (n, width) of any length, looked at as directions. Alignment and uniformity are Wang
& Isola's (2020): how far two views of one picture lie apart, how evenly all points lie on a sphere.
"""

import numpy as np

from workspace.arrays import Floats, Floats32, Ints

NEIGHBOURS = 20
T = 2.0  # how sharply uniformity looks; Wang & Isola's
Points = Floats | Floats32


def nearest_class(bank: Points, codes: Ints, asked: Points, neighbours: int = NEIGHBOURS) -> Ints:
    """(asked,): the class that most of a point's nearest points of the bank have.

    Nearest by cosine; `codes` are the bank's. Of classes with as many neighbours the lowest code.
    """
    assert len(bank) == len(codes) > 0, "nobody to be near to"
    similar = unit(asked) @ unit(bank).T
    taken = min(neighbours, len(bank))
    nearest = np.argsort(-similar, axis=1, kind="stable")[:, :taken]
    votes = np.zeros((len(asked), int(codes.max()) + 1), np.int64)
    np.add.at(votes, (np.arange(len(asked))[:, None], codes[nearest]), 1)
    called: Ints = votes.argmax(axis=1).astype(np.int64)
    return called


def alignment(one: Points, other: Points) -> float:
    """Mean squared distance of two views of a picture, 0 to 4: 0 where they are one point."""
    return float(np.square(unit(one) - unit(other)).sum(axis=1).mean())


def uniformity(points: Points) -> float:
    """Logarithm of the mean of exp(-2 d^2) over all pairs, 0 where all points are one.

    About -4 where they lie evenly on a sphere of many dimensions; NaN of a single point.
    """
    first, second = np.triu_indices(len(points), 1)
    if not len(first):
        return float("nan")
    cosine = unit(points) @ unit(points).T
    return float(np.log(np.exp(-T * (2 - 2 * cosine[first, second])).mean()))


def unit(points: Points) -> Floats:
    """The same directions of length 1; a point at the origin stays there."""
    wide = points.astype(np.float64)
    length = np.linalg.norm(wide, axis=1, keepdims=True)
    directed: Floats = np.divide(wide, length, out=np.zeros_like(wide), where=length > 0)
    return directed
