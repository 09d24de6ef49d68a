"""Which examples an epoch shows, and in which batches.

Drawn from (seed, epoch) alone, so that an epoch can be taken up again in its middle.
"""

from collections.abc import Mapping
from typing import Literal

import numpy as np

from models.training.position import seed_of
from workspace.arrays import Ints
from workspace.errors import ConfigError


def epoch_order(
    labels: Ints,
    sampling: Literal["shuffled", "inverse_frequency"],
    times: Mapping[int, float],
    most: int | None,
    stream: np.random.Generator,
) -> Ints:
    """Places in `labels` (n,), in the order of the epoch.

    `shuffled`: each once, those of a class in `times` so often (the fraction by chance). The
    paper's inverse-frequency weights are filled evenly, not drawn with replacement: every class has
    the same share of the epoch, its examples come equally often up to one, and which come once more
    changes from epoch to epoch.
    """
    if sampling == "inverse_frequency":
        return _evenly(labels, most or len(labels), stream)
    chosen = [
        _repeated(np.flatnonzero(labels == label), times.get(int(label), 1.0), stream)
        for label in np.unique(labels)
    ]
    order: Ints = stream.permutation(np.concatenate(chosen))
    return order[:most]


def balanced_order(
    labels: Ints, sides: tuple[int, int], most: int | None, seed: int, epoch: int
) -> Ints:
    """Places in `labels` (n,), batch after batch, each with `sides` of label 0 and of label 1.

    An epoch has whole batches: `most` examples rounded up, else as many as show every 0, and never
    fewer than show every 1. Those of label 1 come equally often up to one, dealt anew each epoch.
    Those of label 0 are dealt from one endless sequence of shuffled decks, of which each epoch
    takes the next stretch: none comes again before all have come, across epochs too. Where a
    batch wants more than there are, it goes through several decks.
    """
    zeros, ones = (np.flatnonzero(labels == label) for label in (0, 1))
    if not len(zeros) or not len(ones):
        raise ConfigError(
            f"sampling='balanced' needs rows of both classes to learn from; there are {len(zeros)} "
            f"of the first and {len(ones)} of the second."
        )
    wanted = -(-len(zeros) // sides[0]) if most is None else -(-most // sum(sides))
    count = max(wanted, -(-len(ones) // sides[1]))
    of_zeros, of_ones = count * sides[0], count * sides[1]
    dealt = (
        _dealt(zeros, epoch * of_zeros, of_zeros, (seed, "negatives")),
        _dealt(ones, 0, of_ones, (seed, "positives", epoch)),
    )
    both = [part.reshape(count, size) for part, size in zip(dealt, sides, strict=True)]
    return np.concatenate(both, axis=1).reshape(-1)


def batches_of(order: Ints, size: int) -> list[Ints]:
    """Batches of `size`; a last one of a single example joins the one before it.

    Batch norm has no variance of one value.
    """
    parts = [order[start : start + size] for start in range(0, len(order), size)]
    if len(parts) > 1 and len(parts[-1]) == 1:
        parts[-2:] = [np.concatenate(parts[-2:])]
    return parts


def _evenly(labels: Ints, size: int, stream: np.random.Generator) -> Ints:
    classes = np.unique(labels)
    extra = set(stream.permutation(len(classes))[: size % len(classes)].tolist())
    chosen = []
    for number, label in enumerate(classes):
        places = np.flatnonzero(labels == label)
        wanted = size // len(classes) + (number in extra)
        whole, rest = divmod(wanted, len(places))
        chosen += [np.tile(places, whole), stream.permutation(places)[:rest]]
    order: Ints = stream.permutation(np.concatenate(chosen))
    return order


def _dealt(places: Ints, start: int, count: int, what: tuple[object, ...]) -> Ints:
    """So many cards from card `start` on of endless shuffled decks; deck j is drawn by its j."""
    first, last = start // len(places), (start + count - 1) // len(places)
    decks = [
        np.random.default_rng(seed_of(*what, deck)).permutation(places)
        for deck in range(first, last + 1)
    ]
    begin = start - first * len(places)
    return np.concatenate(decks)[begin : begin + count]


def _repeated(places: Ints, times: float, stream: np.random.Generator) -> Ints:
    whole = int(times)
    rest = round((times - whole) * len(places))
    return np.concatenate([np.tile(places, whole), stream.permutation(places)[:rest]])
