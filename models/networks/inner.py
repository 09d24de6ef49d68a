"""The inner rows: a part of a fold's training rows, of other patients, that decides.

What is chosen (when to stop, the best epoch, the threshold) is chosen on them; the rows that the
fold holds out are only ever reported.
"""

from collections.abc import Sequence

import numpy as np

from workspace.arrays import Ints
from workspace.errors import ConfigError, name_some
from workspace.lazy import LazyModule

model_selection = LazyModule("sklearn.model_selection")  # whoever only asks a network needs none


def inner_split(
    indices: Ints, labels: Ints, groups: Ints, parts: int, seed: int
) -> tuple[Ints, Ints]:
    """Indices to learn from and inner ones; `labels` and `groups` are those of `indices`."""
    classes = np.unique(labels)
    counts = [len(np.unique(groups[labels == label])) for label in classes]
    fewest = min(counts) if len(classes) > 1 else 0
    if fewest < parts:
        raise ConfigError(
            f"inner_folds={parts} needs as many patients with each class among a fold's training "
            f"rows; one has {fewest}. Lower inner_folds, or n_folds of the folds."
        )
    splitter = model_selection.StratifiedGroupKFold(parts, shuffle=True, random_state=seed % 2**31)
    for learnt, inner in splitter.split(np.zeros(len(indices)), labels, groups):
        if len(np.unique(labels[inner])) == len(classes) == len(np.unique(labels[learnt])):
            return indices[learnt], indices[inner]
    raise ConfigError(f"No part of {parts} holds patients of every class; lower inner_folds.")


def check_own(network: str, classes: Sequence[str], labels: Ints) -> None:
    """Of a split's own validation rows: each class is among them, or nothing can be chosen."""
    lacking = [name for code, name in enumerate(classes) if not (labels == code).any()]
    if lacking:
        raise ConfigError(
            f"The split's own validation rows hold no {name_some(lacking)}, so networks.{network} "
            "cannot be chosen on them; take another folds.scheme, or training.choose='last'."
        )


def inner_groups(indices: Ints, groups: Ints, parts: int, seed: int) -> tuple[Ints, Ints]:
    """The same where there are no classes to deal evenly: one of so many parts of the groups."""
    known = np.unique(groups)
    if len(known) < 2 * parts:
        raise ConfigError(
            f"inner_folds={parts} needs twice as many patients among a fold's training rows; there "
            f"are {len(known)}. Lower inner_folds, or n_folds of the folds."
        )
    drawn = np.random.default_rng(seed).permutation(known)[: len(known) // parts]
    is_inner = np.isin(groups, drawn)
    return indices[~is_inner], indices[is_inner]
