"""Pictures that may show one lesion, though the data say two: what the search for near-duplicates
cannot see, a lesion photographed again, from nearer or turned by any angle.

A network proposes: each picture with those whose embeddings are nearest. Points of skin judge
(`folds.audit.points`): how many of both pictures one turn, scale and shift explains. Where these
and the overlay both say so, a pair is a near-duplicate like any other; of the rest the best make a
list, for a person to judge. Reads embeddings and fingerprints of the same pictures, row for row.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from folds.audit.duplicates import PAIR_SCHEMA, distinct_pictures
from folds.audit.near import confirmed, has_detail
from folds.audit.nearest import nearest_pairs
from folds.audit.pictures import Fingerprints
from folds.audit.points import Points, agreeing_points, points_of
from folds.audit.spectrum import batches
from folds.groups import COMPONENT, A, B, connected
from folds.schema import ID
from workspace.arrays import Bytes, Floats32, Ints
from workspace.machine import lent_cores
from workspace.progress import Show, quietly

COSINE, POINTS, SIMILARITY = "cosine", "points", "similarity"
LIST_SCHEMA = pl.Schema(
    {A: pl.String, B: pl.String, POINTS: pl.Int32, COSINE: pl.Float64, SIMILARITY: pl.Float64}
)
NEIGHBOURS: Final = 16
AXES: Final = 256
ROWS: Final = 8192  # made to unit vectors at once: 42 MB
MOST_JUDGED: Final = (
    60_000  # pairs: their points cost a minute of a core, their pictures' 13 ms each
)
# Of 60,000 pairs of HAM10000 (docs/LOG.md): where fewer agree they do so by chance.
LEAST_LISTED: Final = 7
LEAST_CERTAIN: Final = 12  # beside the overlay, which alone would join two bubbles of one gel

Embeddings = NDArray[np.float16]
Read = Callable[[str], Bytes]  # the pixels of a picture by its id


@dataclass(frozen=True)
class LookAlikes:
    """Pairs of pictures of different groups: joined as near-duplicates, and for a person to judge,
    the best first; of how many whose points were compared."""

    certain: pl.DataFrame
    doubtful: pl.DataFrame
    judged: int


@dataclass(frozen=True)
class Joined:
    """Whose pictures are of one group so far: rows of groups, and pairs that join these."""

    groups: pl.DataFrame
    pairs: pl.DataFrame

    def components(self, ids: pl.Series, *more: pl.DataFrame) -> Ints:
        """For each picture a number, the same for those of one group; a picture without
        a row has its own."""
        known = connected(self.groups, pl.concat([self.pairs, *more])).select(ID, COMPONENT)
        numbers = ids.to_frame(ID).join(known, on=ID, how="left", maintain_order="left")
        alone = pl.int_range(-len(ids), 0, eager=True)
        of_row = numbers[COMPONENT]
        return of_row.zip_with(of_row.is_not_null(), alone).to_numpy()


def find_look_alikes(
    pictures: Fingerprints,
    embeddings: Embeddings,
    joined: Joined,
    read: Read,
    *,
    at_most: int,
    show: Show = quietly,
) -> LookAlikes:
    """What is not joined yet: one pair at most of any two groups is for a person."""
    ids = pictures.table[ID]
    one, other, cosine = _proposed(pictures, embeddings, joined.components(ids))
    points = count_points(ids, one, other, read, show)
    similarity, _, copies = confirmed(pictures.keys, pictures.thumbs, one, other)
    table = pl.DataFrame(
        {
            A: ids.gather(one), B: ids.gather(other), POINTS: points, COSINE: cosine,
            SIMILARITY: np.clip(similarity, 0, 1),
        }
    ).cast(LIST_SCHEMA)  # fmt: skip
    certain = _as_near(table[copies].filter(pl.col(POINTS) >= LEAST_CERTAIN))
    apart = joined.components(ids, certain)
    sides = table.with_columns(one=apart[one], other=apart[other])
    return LookAlikes(certain, _doubtful(sides).head(at_most), len(table))


def alike(embeddings: Embeddings, neighbours: int = NEIGHBOURS) -> tuple[Ints, Ints, Floats32]:
    """(N, W) -> rows (P,) and (P,), the lower first, and their cosine: each row with its nearest.

    As `folds.audit.nearest` finds them, so the work grows with the rows.
    """
    if len(embeddings) < 2:
        return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.float32)
    unit = along_axes(embeddings)
    one, other = nearest_pairs(unit, np.sqrt(2), neighbours)  # beyond, nothing is in common
    cosine = np.zeros(len(one), np.float32)
    for some in batches(len(one), ROWS):
        cosine[some] = np.einsum("pk,pk->p", unit[one[some]], unit[other[some]])
    return one, other, cosine


def along_axes(embeddings: Embeddings) -> Floats32:
    """(N, W) -> (N, AXES) of length 1: where they differ most, the largest differences damped.

    What all lesions share and how they mostly differ (skin, size) would say most of a cosine:
    the mean is taken out, and each axis divided by the root of its standard deviation.
    """
    width = embeddings.shape[1]
    total, squares = np.zeros(width), np.zeros((width, width))
    for some in batches(len(embeddings), ROWS):
        unit = _unit(embeddings[some].astype(np.float32))
        total += unit.sum(axis=0)
        squares += unit.T @ unit
    mean = total / len(embeddings)
    variance, axes = np.linalg.eigh(squares / len(embeddings) - np.outer(mean, mean))
    used = [at for at in range(width - 1, -1, -1) if variance[at] > 1e-9][:AXES]
    damped = (axes[:, used] / variance[used] ** 0.25).astype(np.float32)
    middle = mean.astype(np.float32)
    each = [
        _unit(np.asarray((_unit(embeddings[some].astype(np.float32)) - middle) @ damped))
        for some in batches(len(embeddings), ROWS)
    ]
    return np.concatenate(each)


def count_points(ids: pl.Series, one: Ints, other: Ints, read: Read, show: Show) -> Ints:
    """(P,) rows and (P,) rows -> (P,) how many points of the two pictures agree."""
    rows = np.unique(np.concatenate([one, other])).tolist()
    pairs = list(zip(one.tolist(), other.tolist(), strict=True))
    found: dict[int, Points] = {}
    counts = np.zeros(len(pairs), np.int64)
    with ThreadPoolExecutor(lent_cores()) as pool:
        try:
            each = pool.map(lambda row: points_of(read(ids[row])), rows)
            for row, points in zip(rows, each, strict=True):
                found[row] = points
                show(len(found), len(rows) + len(pairs))
            agreeing = pool.map(lambda pair: agreeing_points(*(found[at] for at in pair)), pairs)
            for at, count in enumerate(agreeing):
                counts[at] = count
                show(len(rows) + at + 1, len(rows) + len(pairs))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return counts


def _proposed(
    pictures: Fingerprints, embeddings: Embeddings, apart: Ints
) -> tuple[Ints, Ints, Floats32]:
    """Pairs across, the lower row first; the most alike where they are too many to be judged."""
    rows = distinct_pictures(pictures.table)["row"].to_numpy()
    rows = np.sort(rows[has_detail(pictures.thumbs[rows])])
    one, other, cosine = alike(embeddings[rows])
    one, other = rows[one], rows[other]
    across = np.flatnonzero(apart[one] != apart[other])
    best = across[np.argsort(-cosine[across], kind="stable")[:MOST_JUDGED]]
    return one[best], other[best], cosine[best]


def _unit(rows: Floats32) -> Floats32:
    unit: Floats32 = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6)
    return unit


def _as_near(table: pl.DataFrame) -> pl.DataFrame:
    ordered = table.select(
        pl.min_horizontal(A, B).alias(A), pl.max_horizontal(A, B).alias(B),
        pl.lit("near").alias("kind"), SIMILARITY,
    )  # fmt: skip
    return ordered.cast(PAIR_SCHEMA)


def _doubtful(sides: pl.DataFrame) -> pl.DataFrame:
    """The best of any two groups, best first; ids decide where they are equally good."""
    low, high = pl.min_horizontal("one", "other"), pl.max_horizontal("one", "other")
    apart = sides.filter(pl.col("one") != pl.col("other"), pl.col(POINTS) >= LEAST_LISTED)
    ranked = apart.with_columns(low=low, high=high).sort(
        [POINTS, COSINE, A, B], descending=[True, True, False, False]
    )
    best = ranked.unique(["low", "high"], keep="first", maintain_order=True)
    return best.select(LIST_SCHEMA.names())
