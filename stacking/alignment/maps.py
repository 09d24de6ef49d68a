"""Maps from each fold's embedding into one space, fitted on anchors; no label comes near them.

The frame is the lowest fold's, but only rotations look at that fold alone. A ridge map predicts
the mean of the *other* folds' embeddings, rotated into the frame: what one network has to itself
means something else in each fold, and this drops it, from every fold alike (docs/decisions/0012).
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from stacking.alignment.anchors import Numbers, check_finite, checked, spread_evenly
from stacking.alignment.config import AlignConfig
from workspace.arrays import Bools, Floats, Floats32, Ints
from workspace.errors import ArtifactError, ConfigError, name_some

EMBEDDINGS = "embeddings"  # how messages call them
FLAT = 1e-6  # a spread below this share of the magnitude is noise of floats, as for the features
PENALTIES = tuple(10.0 ** (half / 2) for half in range(-8, 5))  # 1e-4 to 100 mean eigenvalues
AT_ONCE = 8192  # rows that are float64 on their way through


@contextmanager
def on_one_thread() -> Iterator[None]:
    """Decompositions of some hundred anchors.

    Threads would wait for one another, on a machine that does other work seven times as long as
    one thread takes for all, and the last bits would hang on their number.
    """
    with threadpool_limits(limits=1, user_api="blas"):
        yield


@dataclass(frozen=True, eq=False)
class Maps:
    """Out of a row x of fold k comes (x - means[k]) @ weights[k] - offset."""

    folds: Ints  # (folds,)
    means: Floats  # (folds, width)
    weights: Floats  # (folds, width, columns)
    offset: Floats  # (columns,)
    unit: Bools  # (1,): x - mean is brought to length 1 before it is weighted
    penalties: Floats  # (folds,): of a ridge map, in mean eigenvalues; else NaN

    @property
    def columns(self) -> int:
        """How many columns come out."""
        return len(self.offset)

    def apply(self, fold: int, embedding: Numbers) -> Floats32:
        """Rows as this fold's network sees them, (rows, width) to (rows, columns)."""
        at = index_of(fold, self.folds, "map")
        if embedding.ndim != 2 or embedding.shape[1] != self.means.shape[1]:
            raise ArtifactError(
                f"Fold {fold}'s {EMBEDDINGS} have the shape {embedding.shape}, but its map was "
                f"fitted on {self.means.shape[1]} columns; fit the maps anew."
            )
        check_finite(embedding, EMBEDDINGS, fold)
        result = np.empty((len(embedding), self.columns), np.float32)
        for start in range(0, len(embedding), AT_ONCE):
            some = slice(start, start + AT_ONCE)
            off = embedding[some].astype(np.float64) - self.means[at]
            if self.unit[0]:
                off = _of_length_one(off)
            result[some] = off @ self.weights[at] - self.offset
        return result

    def tensors(self) -> dict[str, NDArray[Any]]:
        """Named arrays that say everything, for a safetensors file."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, NDArray[Any]]) -> "Maps":
        """What `tensors` gave, to the bit."""
        check_names(tensors, cls.__dataclass_fields__, "maps")
        return cls(**tensors)


def index_of(fold: int, folds: Ints, what: str) -> int:
    """Where a fold is among those fitted."""
    [*indices] = np.flatnonzero(folds == fold)
    if not indices:
        raise ArtifactError(
            f"No {what} was fitted for fold {fold}, only for {name_some(folds.tolist())}; fit anew."
        )
    return int(indices[0])


def check_names(names: Mapping[str, object], wanted: Mapping[str, object], what: str) -> None:
    """Refuse tensors of something else."""
    other = sorted(names.keys() ^ wanted.keys())
    if other:
        raise ArtifactError(
            f"The kept {what} lack or do not know {name_some(other)}; they are of another version: "
            "fit anew."
        )


@on_one_thread()
def fit(embeddings: Mapping[int, Numbers], config: AlignConfig) -> Maps:
    """From the same anchors, in the same order, as each fold's network sees them."""
    fitted = fit_in_frame(embeddings, config)
    if config.pca is not None:
        return _fewer(fitted, checked(embeddings, config, EMBEDDINGS), config.pca)
    maps, axes = fitted.maps, fitted.axes
    if axes is None:
        return maps
    return replace(maps, weights=maps.weights @ axes.T, offset=maps.offset @ axes.T)


@dataclass(frozen=True, eq=False)
class InFrame:
    """Maps to coordinates, which are few where anchors are: lengths and angles as in columns."""

    maps: Maps
    rotations: Maps  # what a ridge map is a prediction of; else the maps themselves
    axes: Floats | None  # (columns, coordinates), orthonormal; None: coordinates are columns


@on_one_thread()
def fit_in_frame(embeddings: Mapping[int, Numbers], config: AlignConfig) -> InFrame:
    """As `fit`, before components are chosen."""
    assert config.embeds, "align.method='scalars' has no maps"
    raw = checked(embeddings, config, EMBEDDINGS)
    assert next(iter(raw.values())).ndim == 2, "(anchors, width)"
    if config.method == "raw":
        return _in_columns(_as_they_are(raw))
    centred = _centred(raw)
    if config.method == "relative":
        return _in_columns(_to_landmarks(raw, centred, config.landmarks))
    return _turned(raw, centred, config)


def _in_columns(maps: Maps) -> InFrame:
    return InFrame(maps, maps, None)


def _as_they_are(raw: dict[int, Floats]) -> Maps:
    """So that the harm of doing nothing can be measured."""
    folds, width = np.array(list(raw), np.int64), next(iter(raw.values())).shape[1]
    return Maps(
        folds,
        means=np.zeros((len(folds), width)),
        weights=np.stack([np.eye(width)] * len(folds)),
        offset=np.zeros(width),
        unit=np.array([False]),
        penalties=np.full(len(folds), np.nan),
    )


def _to_landmarks(raw: dict[int, Floats], centred: list[Floats], landmarks: int) -> Maps:
    """Cosines with some anchors, the same for every fold (Moschella 2023)."""
    count = len(centred[0])
    if landmarks > count:
        raise ConfigError(
            f"align.landmarks={landmarks} is more than the {count} anchors; lower it."
        )
    chosen = spread_evenly(count, landmarks)
    return replace(
        _as_they_are(raw),
        means=_means(raw),
        weights=np.stack([_of_length_one(embedding[chosen]).T for embedding in centred]),
        offset=np.zeros(landmarks),
        unit=np.array([True]),
    )


def _turned(raw: dict[int, Floats], centred: list[Floats], config: AlignConfig) -> InFrame:
    """By a rotation onto the lowest fold, or by a ridge map onto the others so rotated.

    All in what the anchors span: where they are fewer than the columns, nothing is known beyond.
    """
    scales = [_scale(embedding) for embedding in centred]
    spans = [_span(embedding / scale) for embedding, scale in zip(centred, scales, strict=True)]
    first, *rest = spans
    turns = [np.eye(len(first.singular)), *(_turn(span, first) for span in rest)]

    def maps_by(turns: list[Floats], penalties: list[float]) -> Maps:
        weights = [
            span.basis @ (turn / scale)
            for span, turn, scale in zip(spans, turns, scales, strict=True)
        ]
        return Maps(
            np.array(list(raw), np.int64),
            means=_means(raw),
            weights=np.stack(weights),
            offset=np.zeros(len(first.singular)),
            unit=np.array([False]),
            penalties=np.array(penalties),
        )

    rotations = maps_by(turns, [np.nan] * len(spans))
    if config.method != "ridge" or not rest:  # a single fold has nobody to agree with
        return InFrame(rotations, rotations, first.basis)
    rotated = [span.inside @ turn for span, turn in zip(spans, turns, strict=True)]
    total = np.sum(rotated, axis=0)
    others = [(total - own) / len(rest) for own in rotated]
    fits = [_ridge(span, other, config.ridge) for span, other in zip(spans, others, strict=True)]
    ridges = maps_by([turn for turn, _ in fits], [chosen for _, chosen in fits])
    return InFrame(ridges, rotations, first.basis)


@dataclass(frozen=True, eq=False)
class _Span:
    """A table as rows * singular @ basis.T, without the directions that it does not know."""

    rows: Floats  # (anchors, rank), orthonormal columns
    singular: Floats  # (rank,)
    basis: Floats  # (width, rank), orthonormal columns

    @property
    def inside(self) -> Floats:
        """The table by its coordinates in the basis, (anchors, rank)."""
        return self.rows * self.singular


def _span(table: Floats) -> _Span:
    rows, singular, basis = np.linalg.svd(table, full_matrices=False)
    known = singular > singular[0] * max(table.shape) * np.finfo(np.float64).eps
    return _Span(rows[:, known], singular[known], basis[known].T)


def _turn(span: _Span, onto: _Span) -> Floats:
    """(rank, rank of the other): the rotation that brings one as near to the other as can be."""
    left, _, right = np.linalg.svd(span.inside.T @ onto.inside, full_matrices=False)
    turn: Floats = left @ right
    return turn


def _means(raw: dict[int, Floats]) -> Floats:
    return np.stack([embedding.mean(axis=0) for embedding in raw.values()])


def _centred(raw: dict[int, Floats]) -> list[Floats]:
    """The embeddings less their means; a network that tells no anchors apart is refused."""
    centred = [embedding - embedding.mean(axis=0) for embedding in raw.values()]
    for (fold, embedding), off in zip(raw.items(), centred, strict=True):
        if not _scale(off) > FLAT * float(np.abs(embedding).mean()):
            raise ArtifactError(
                f"Fold {fold}'s {EMBEDDINGS} are the same for all anchors: its network tells no "
                "pictures apart; train that fold anew, or take align.method='scalars'."
            )
    return centred


def _scale(centred: Floats) -> float:
    """One scale for all columns: a rotation would not survive a scale for each.

    Columns of an embedding share their unit, and dead ones would be blown up to noise.
    """
    return float(np.sqrt(np.mean(centred * centred)))


def _of_length_one(rows: Floats) -> Floats:
    """Each row divided by its length; a row without one, at the very mean, is like nothing: 0."""
    length = np.sqrt((rows * rows).sum(axis=1, keepdims=True))
    result: Floats = np.divide(rows, length, out=np.zeros_like(rows), where=length > 0)
    return result


def _ridge(span: _Span, target: Floats, penalty: float | str) -> tuple[Floats, float]:
    """(rank, columns) and the penalty; both tables centred, the embedding's eigenvalues average 1.

    Generalised cross-validation (Golub, Heath and Wahba 1979) compares all penalties from one
    decomposition: the left-over squares over the square of the degrees of freedom left.
    """
    count, singular = len(target), span.singular
    inside = span.rows.T @ target
    power = (inside * inside).sum(axis=1)
    outside = max(0.0, float((target * target).sum() - power.sum()))

    def shrinkage(amount: float) -> Floats:
        return np.asarray(singular**2 / (singular**2 + count * amount), np.float64)

    def score(amount: float) -> float:
        share = shrinkage(amount)
        squares = outside + ((1 - share) ** 2 * power).sum()
        return float(squares / (count - 1 - share.sum()) ** 2)  # 1 for the mean

    chosen = min(PENALTIES, key=score) if isinstance(penalty, str) else penalty
    shrunk = singular / (singular**2 + count * chosen)
    return shrunk[:, None] * inside, chosen


def _fewer(fitted: InFrame, raw: dict[int, Floats], components: int) -> Maps:
    """The first principal components of all folds' mapped anchors together."""
    maps = fitted.maps
    count = len(next(iter(raw.values())))
    if components > min(maps.columns, count):
        raise ConfigError(
            f"align.pca={components} is more than the {maps.columns} mapped columns or the "
            f"{count} anchors; lower it."
        )
    mapped = np.concatenate(
        [maps.apply(fold, embedding).astype(np.float64) for fold, embedding in raw.items()]
    )
    mean = mapped.mean(axis=0)
    _, vectors = np.linalg.eigh((mapped - mean).T @ (mapped - mean))
    axes = vectors[:, : -components - 1 : -1]  # eigh gives the largest last
    # An axis has no direction of its own: the strongest entry points up, on every machine.
    entries = axes if fitted.axes is None else fitted.axes @ axes
    strongest = entries[np.abs(entries).argmax(axis=0), np.arange(components)]
    axes = axes * np.sign(strongest)
    return replace(maps, weights=maps.weights @ axes, offset=(maps.offset + mean) @ axes)
