"""One network's columns for the stack, out of what its folds say of pictures.

Fitted on the anchors as every fold sees them, applied to rows as the fold sees them that scores
them: held-out rows by their own fold, test rows by each fold in turn.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stacking.alignment.anchors import Numbers
from stacking.alignment.config import AlignConfig
from stacking.alignment.context import distances
from stacking.alignment.maps import Maps, fit
from stacking.alignment.names import names
from stacking.alignment.names import scalar_names as names_of_score
from stacking.alignment.patients import Patients
from stacking.alignment.scalars import Scalars, fit_scalars, log_odds

MAPS, SCALES = "maps.safetensors", "scales_{}.safetensors"  # file names
Values = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class View:
    """What one fold's network says of some pictures."""

    embedding: Numbers  # (rows, width)
    probability: Numbers  # (rows, scores): of two classes the second, else one for each


@dataclass(frozen=True, eq=False)
class Aligned:
    """How the views of all folds of a network become the same columns."""

    network: str
    scores: tuple[str, ...]  # what each score is called in columns' names
    config: AlignConfig
    maps: Maps | None
    scales: tuple[Scalars, ...]  # one for each score

    def columns(
        self, fold: int, view: View, patients: Patients, size: Numbers | None
    ) -> dict[str, Values]:
        """By name, of rows that this fold's network looked at; `size` of lesions, if known."""
        parts: list[Values] = []
        if self.maps is not None:
            parts.append(self.maps.apply(fold, view.embedding))
            if self.config.context:
                parts.append(distances(parts[0], patients, size))
        for at, scale in enumerate(self.scales):
            logits = log_odds(view.probability[:, at])
            parts.append(scale.columns(fold, logits, patients).astype(np.float32))
        found = np.hstack(parts)
        return dict(zip(self._names(size is not None), found.T, strict=True))

    def _names(self, sized: bool) -> tuple[str, ...]:
        width = 0 if self.maps is None else self.maps.columns
        own = self.config.model_copy(update={"scalars": False})
        found = names(self.network, own, width, sized=sized) if self.maps is not None else ()
        scored = self.scores if self.scales else ()
        return found + tuple(name for score in scored for name in names_of_score(score))

    def files(self) -> dict[str, dict[str, NDArray[Any]]]:
        """All of it as named tensors, for safetensors files."""
        found = {} if self.maps is None else {MAPS: self.maps.tensors()}
        for score, scale in zip(self.scores, self.scales, strict=False):
            found[SCALES.format(score)] = scale.tensors()
        return found


def score_names(network: str, classes: Sequence[str]) -> tuple[str, ...]:
    """Of two classes there is one score, called like the network; else one for each class."""
    if len(classes) == 2:
        return (network,)
    return tuple(f"{network}_{re.sub('[^A-Za-z0-9]', '_', name)}" for name in classes)


def fit_aligned(
    network: str, classes: Sequence[str], anchors: Mapping[int, View], config: AlignConfig
) -> Aligned:
    """From the same anchors as each fold's network sees them."""
    scores = score_names(network, classes)
    embeddings = {fold: view.embedding for fold, view in anchors.items()}
    maps = fit(embeddings, config) if config.embeds else None
    scales = [
        fit_scalars({k: log_odds(v.probability[:, at]) for k, v in anchors.items()}, config)
        for at in range(len(scores) if config.scalars else 0)
    ]
    return Aligned(network, scores, config, maps, tuple(scales))


def aligned_from(
    network: str,
    classes: Sequence[str],
    config: AlignConfig,
    files: Mapping[str, Mapping[str, NDArray[Any]]],
) -> Aligned:
    """What `files` gave, to the bit."""
    scores = score_names(network, classes)
    maps = Maps.from_tensors(files[MAPS]) if config.embeds else None
    kept = [Scalars.from_tensors(files[SCALES.format(s)]) for s in scores if config.scalars]
    return Aligned(network, scores, config, maps, tuple(kept))
