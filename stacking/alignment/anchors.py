"""Anchors: the pictures on which views are brought together, seen by every fold's network.

Which rows may serve is the caller's to say; here they are thinned out, and what the networks say
of them is checked before anything is fitted on it.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stacking.alignment.config import AlignConfig
from workspace.errors import ArtifactError, ConfigError, name_some

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Numbers = NDArray[np.floating[Any]]


def anchor_places(count: int, config: AlignConfig) -> Ints:
    """Places of the anchors among `count` rows that are sorted by id: all, or spread evenly."""
    _check_enough(count, config)
    return spread_evenly(count, config.most_anchors)


def spread_evenly(count: int, most: int) -> Ints:
    """At most so many places, from the first to the last."""
    return np.linspace(0, count - 1, min(count, most)).round().astype(np.int64)


def checked(views: Mapping[int, Numbers], config: AlignConfig, what: str) -> dict[int, Floats]:
    """The folds' views of the anchors, lowest fold first, or what is wrong with them."""
    found = {fold: np.asarray(views[fold], np.float64) for fold in sorted(views)}
    if not found:
        raise ArtifactError(f"No fold has {what} of the anchors; run 'make train-cnn'.")
    _check_alike(found, what)
    _check_enough(len(next(iter(found.values()))), config)
    for fold, view in found.items():
        check_finite(view, f"{what} of the anchors", fold)
    return found


def check_finite(values: Numbers, what: str, fold: int) -> None:
    """Refuse NaN and infinity: a map would spread them over every column, silently."""
    fine = np.isfinite(values).all(axis=tuple(range(1, values.ndim)))
    if not fine.all():
        places = [f"row {place}" for place in np.flatnonzero(~fine)]
        raise ArtifactError(
            f"Fold {fold}'s {what} have values that are no finite numbers ({name_some(places)}); "
            "leave out rows without a picture, or train that fold anew."
        )


def _check_alike(views: dict[int, Floats], what: str) -> None:
    shapes = {fold: view.shape for fold, view in views.items()}
    if len(set(shapes.values())) > 1:
        told = [f"fold {fold}: {' x '.join(map(str, shape))}" for fold, shape in shapes.items()]
        raise ArtifactError(
            f"The folds' {what} of the anchors differ in shape ({name_some(told)}); train all "
            "folds with one network and score the same anchors with each."
        )


def _check_enough(count: int, config: AlignConfig) -> None:
    if count < config.least_anchors:
        raise ConfigError(
            f"There are {count} anchors (align.anchors='{config.anchors}'), fewer than "
            f"align.least_anchors={config.least_anchors}; take other anchors, or lower it."
        )
