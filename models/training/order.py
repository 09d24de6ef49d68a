"""Which examples an epoch shows, and in which batches.

Drawn from a stream of (seed, epoch) alone, so that an epoch can be taken up again in its middle.
"""

from collections.abc import Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


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


def _repeated(places: Ints, times: float, stream: np.random.Generator) -> Ints:
    whole = int(times)
    rest = round((times - whole) * len(places))
    return np.concatenate([np.tile(places, whole), stream.permutation(places)[:rest]])
