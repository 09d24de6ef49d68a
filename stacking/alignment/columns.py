"""One network's columns for the stack, out of what its folds say of pictures.

Fitted on the anchors as every fold sees them, applied to rows as the fold sees them that scores
them: held-out rows by their own fold, test rows by each fold in turn.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

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


@dataclass(frozen=True, eq=False)
class NetworkOutput:
    """What one fold's network says of some pictures."""

    embedding: Numbers  # (rows, width)
    probability: Numbers  # (rows, scores): of two classes the second, else one for each


@dataclass(frozen=True, eq=False)
class Aligned:
    """How the outputs of a network of each fold become the same columns."""

    network: str
    scores: tuple[str, ...]  # what each score is called in columns' names
    config: AlignConfig
    maps: Maps | None
    scales: tuple[Scalars, ...]  # one for each score

    def columns(
        self, fold: int, output: NetworkOutput, patients: Patients, size: Numbers | None
    ) -> dict[str, Numbers]:
        """By name, of rows that this fold's network scored; `size` of lesions, if known.

        What comes of the embedding is float32; of a score float64, which tells more of them apart.
        """
        columns: list[Numbers] = []
        if self.maps is not None:
            columns.append(self.maps.apply(fold, output.embedding))
            if self.config.context:
                columns.append(distances(columns[0], patients, size))
        for number, scale in enumerate(self.scales):
            logits = log_odds(output.probability[:, number])
            columns.append(scale.columns(fold, logits, patients))
        each = [column for block in columns for column in block.T]
        return dict(zip(self._names(size is not None), each, strict=True))

    def _names(self, sized: bool) -> tuple[str, ...]:
        width = 0 if self.maps is None else self.maps.columns
        own = self.config.model_copy(update={"scalars": False})
        seen = names(self.network, own, width, sized=sized) if self.maps is not None else ()
        scored = self.scores if self.scales else ()
        return seen + tuple(name for score in scored for name in names_of_score(score))

    def files(self) -> dict[str, dict[str, NDArray[Any]]]:
        """All of it as named tensors, for safetensors files."""
        files = {} if self.maps is None else {MAPS: self.maps.tensors()}
        for score, scale in zip(self.scores, self.scales, strict=False):
            files[SCALES.format(score)] = scale.tensors()
        return files


def score_names(network: str, classes: Sequence[str]) -> tuple[str, ...]:
    """Of two classes there is one score, called like the network; else one for each class."""
    if len(classes) == 2:
        return (network,)
    return tuple(f"{network}_{re.sub('[^A-Za-z0-9]', '_', name)}" for name in classes)


def fit_aligned(
    network: str, classes: Sequence[str], anchors: Mapping[int, NetworkOutput], config: AlignConfig
) -> Aligned:
    """From the same anchors as each fold's network sees them."""
    scores = score_names(network, classes)
    embeddings = {fold: output.embedding for fold, output in anchors.items()}
    maps = fit(embeddings, config) if config.embeds else None
    scales = [
        fit_scalars({k: log_odds(one.probability[:, number]) for k, one in anchors.items()}, config)
        for number in range(len(scores) if config.scalars else 0)
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
    scales = [Scalars.from_tensors(files[SCALES.format(s)]) for s in scores if config.scalars]
    return Aligned(network, scores, config, maps, tuple(scales))
