"""Anchors: the pictures by which folds' networks are aligned, seen by every fold's network.

Which rows may serve is the caller's to say; here they are thinned out, and what the networks say
of them is checked before anything is fitted on it.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stacking.alignment.config import AlignConfig
from workspace.arrays import Floats, Ints
from workspace.errors import ArtifactError, ConfigError, name_some

LEAST = 10  # what align.least_anchors may be
_OTHERS = {
    "test": "set groups aside with align.anchors=anchor and folds.anchor_share=0.02, or name "
    "pictures of your own in align.pictures",
    "anchor": "folds.anchor_share sets groups aside where stack.networks=true; raise it",
    "pictures": "add pictures to the folder that align.pictures names",
}

Numbers = NDArray[np.floating[Any]]


def anchor_indices(count: int, config: AlignConfig) -> Ints:
    """Indices of the anchors among `count` rows that are sorted by id: all, or spread evenly."""
    _check_enough(count, config)
    return spread_evenly(count, config.most_anchors)


def spread_evenly(count: int, most: int) -> Ints:
    """At most so many indices, from the first to the last."""
    return np.linspace(0, count - 1, min(count, most)).round().astype(np.int64)


def checked(by_fold: Mapping[int, Numbers], config: AlignConfig, what: str) -> dict[int, Floats]:
    """What folds' networks say of the anchors, lowest fold first, or what is wrong with it."""
    values = {fold: np.asarray(by_fold[fold], np.float64) for fold in sorted(by_fold)}
    if not values:
        raise ArtifactError(f"No fold has {what} of the anchors; run 'make train-cnn'.")
    _check_alike(values, what)
    _check_enough(len(next(iter(values.values()))), config)
    for fold, own in values.items():
        check_finite(own, f"{what} of the anchors", fold)
    return values


def check_finite(values: Numbers, what: str, fold: int) -> None:
    """Refuse NaN and infinity: a map would spread them over every column, silently."""
    fine = np.isfinite(values).all(axis=tuple(range(1, values.ndim)))
    if not fine.all():
        rows = [f"row {index}" for index in np.flatnonzero(~fine)]
        raise ArtifactError(
            f"Fold {fold}'s {what} have values that are no finite numbers ({name_some(rows)}); "
            "leave out rows without a picture, or train that fold anew."
        )


def _check_alike(values: dict[int, Floats], what: str) -> None:
    shapes = {fold: own.shape for fold, own in values.items()}
    if len(set(shapes.values())) > 1:
        words = [f"fold {fold}: {' x '.join(map(str, shape))}" for fold, shape in shapes.items()]
        raise ArtifactError(
            f"The folds' {what} of the anchors differ in shape ({name_some(words)}); train all "
            "folds with one network and score the same anchors with each."
        )


def _check_enough(count: int, config: AlignConfig) -> None:
    if count >= config.least_anchors:
        return
    lower = f", or take align.least_anchors={count}" if count >= LEAST else ""
    raise ConfigError(
        f"There are {count} anchors (align.anchors='{config.anchors}'), fewer than "
        f"align.least_anchors={config.least_anchors}; {_OTHERS[config.anchors]}{lower}."
    )
