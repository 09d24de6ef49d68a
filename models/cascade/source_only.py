"""The baseline that sees no lesion: size of the picture, size of its file, mean colours.

Where source and label go together (cancers from one archive, healthy skin from another), these tell
the label too. A network that is no better than them has learnt whose camera it was.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from folds.images import ImageReader
from workspace.arrays import Bytes, Floats, Ints
from workspace.lazy import LazyModule
from workspace.progress import Show

linear_model = LazyModule("sklearn.linear_model")
pipeline = LazyModule("sklearn.pipeline")
preprocessing = LazyModule("sklearn.preprocessing")

NAMES = ("height", "width", "bytes", *(f"{what}_{c}" for what in ("mean", "std") for c in "rgb"))


def source_columns(
    reader: ImageReader,
    references: Sequence[str],
    show: Show,
    workers: int,
) -> Floats:
    """(pictures, NAMES)."""
    return described(reader, references, source_row, show, workers).reshape(-1, len(NAMES))


def source_row(data: bytes, pixels: Bytes) -> list[float]:
    """NAMES of one picture."""
    colours = pixels.reshape(-1, 3)
    return [*pixels.shape[:2], len(data), *colours.mean(axis=0), *colours.std(axis=0)]


def described(
    reader: ImageReader,
    references: Sequence[str],
    describe: Callable[[bytes, Bytes], Sequence[float]],
    show: Show,
    workers: int,
) -> Floats:
    """(pictures, numbers): of each what its file and its pixels say."""

    def one(reference: str) -> Sequence[float]:
        return describe(*reader.both(reference))

    rows = []
    with ThreadPoolExecutor(max(1, workers)) as pool:
        for row in pool.map(one, references):
            rows.append(row)
            show(len(rows), len(references))
    return np.array(rows, np.float64)


def source_scores(columns: Floats, labels: Ints, splits: Sequence[tuple[Ints, Ints]]) -> Floats:
    """(pictures,): out-of-fold probability of label 1 by logistic regression, NaN where none."""
    found = np.full(len(labels), np.nan)
    for training, held_out in splits:
        known = training[labels[training] >= 0]
        model = pipeline.make_pipeline(
            preprocessing.StandardScaler(), linear_model.LogisticRegression(max_iter=1000)
        )
        model.fit(columns[known], labels[known])
        found[held_out] = model.predict_proba(columns[held_out])[:, 1]
    return found
