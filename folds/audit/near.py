"""Which pictures are copies of one another: re-encoded, rescaled, shifted, mirrored, turned.

Reads the keys and thumbs of `folds.audit.fingerprint`; hands on a table of pairs. The nearest
keys of a row are its candidates; a candidate is confirmed when, laid over one another to a
fraction of a pixel, the two thumbs agree in local contrast: in their hairs and pores, not only
in the blob that all lesions share.
"""

import math
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from folds.audit.fingerprint import FINE_BLURS, SIDE, bandpass
from folds.audit.nearest import nearest_pairs
from folds.audit.overlay import FINE, INVERSE, TRANSFORMS, confirm_pairs
from folds.audit.spectrum import batches
from workspace.arrays import Bools, Bytes, Floats32, Ints
from workspace.lazy import LazyModule
from workspace.progress import Show, quietly

sparse = LazyModule("scipy.sparse")
csgraph = LazyModule("scipy.sparse.csgraph")

PAIR_SCHEMA: Final[dict[str, pl.DataType | type[pl.DataType]]] = {
    "i": pl.UInt32,
    "j": pl.UInt32,
    "similarity": pl.Float32,
    "transform": pl.Enum(TRANSFORMS),
}

# Chosen on HAM10000 (10,015 images), where lesion ids tell copies from look-alikes. Within 15 the
# most alike pair of two lesions that is no copy has 0.834, the least alike that is one 0.836; from
# 15 to 20 the former has 0.88. Of planted copies (re-encoded, shifted by up to 5 %) 99 % have
# over 0.87.
LEAST_SIMILARITY: Final = 0.835
CLOSE: Final = 15.0
LEAST_SIMILARITY_BEYOND: Final = 0.90
REACH: Final = 20.0
WAYS_APART: Final = 0.1  # between a pair's two ways round: most are nearer, .17 was seen
NEIGHBOURS: Final = 16
MIN_DETAIL: Final = 0.75  # grey levels; rounding a thumb to whole levels alone gives 0.3
PICTURES: Final = 2048  # looked at for detail at once


def near_duplicates(
    keys: Floats32,
    thumbs: Bytes,
    *,
    least_similarity: float = LEAST_SIMILARITY,
    reach: float = REACH,
    neighbours: int = NEIGHBOURS,
    show: Show = quietly,
) -> pl.DataFrame:
    """(N, K) keys and (N, S, S) thumbs -> pairs `i < j`, `similarity` (0 to 1), `transform`.

    At most `neighbours` candidates within `reach` are looked at for a row, so n copies of one
    picture give O(n * neighbours) pairs, not n^2. They still hang together: where at least half
    of a row's candidates are its copies, one spokesman of each set found is searched for again
    among the other spokesmen. Rows with equal fingerprints are each paired with the first only.

    Pictures without detail (constant, or smooth but for rounding; see `has_detail`) are in no
    pair, not even with their like: that two pictures are both black says nothing.

    The pairs do not depend on the order of the rows, except that the first of several rows with
    equal fingerprints speaks for all: pass rows sorted by id.
    """
    if not len(keys) == len(thumbs) or thumbs.shape[1:] != (SIDE, SIDE):
        raise ValueError(f"keys {keys.shape} and thumbs {thumbs.shape} do not fit")
    rows, twins = _distinct(keys, thumbs, np.flatnonzero(has_detail(thumbs)))
    pairs = [twins]
    while len(rows) > 1:
        one, other = nearest_pairs(keys[rows], reach, neighbours, show)
        similarity, variant, copies = confirmed(
            keys, thumbs, rows[one], rows[other], least_similarity=least_similarity, show=show
        )
        one, other = one[copies], other[copies]
        pairs.append(_as_pairs(rows[one], rows[other], similarity[copies], variant[copies]))
        rows = rows[_spokesmen(len(rows), one, other, neighbours)]
    return pl.concat(pairs).unique(["i", "j"], keep="first", maintain_order=True).sort("i", "j")


def confirmed(
    keys: Floats32,
    thumbs: Bytes,
    one: Ints,
    other: Ints,
    *,
    least_similarity: float = LEAST_SIMILARITY,
    show: Show = quietly,
) -> tuple[Floats32, Ints, Ints]:
    """(P,) rows and (P,) rows -> (P,) similarity, (P,) transform, and which pairs are copies.

    Keys further apart than CLOSE (another light, a larger shift) ask for more similarity.
    """
    similarity, variant = _either_way(thumbs, one, other, least_similarity, show)
    copies = np.flatnonzero(similarity >= least_similarity)
    apart = np.linalg.norm(keys[one[copies]] - keys[other[copies]], axis=1)
    close_enough = (apart <= CLOSE) | (similarity[copies] >= LEAST_SIMILARITY_BEYOND)
    return similarity, variant, copies[close_enough]


def has_detail(thumbs: Bytes) -> Bools:
    """(N, S, S) -> (N,): whether there is anything in a picture to recognise it by."""
    detail = np.zeros(len(thumbs), dtype=bool)
    for batch in batches(len(thumbs), PICTURES):
        band = bandpass(thumbs[batch].astype(np.float32), *FINE_BLURS)
        detail[batch] = band[FINE.inside].std(axis=(1, 2)) >= MIN_DETAIL
    return detail


def _either_way(
    thumbs: Bytes, one: Ints, other: Ints, least: float, show: Show
) -> tuple[Floats32, Ints]:
    """The similarity of pairs, and of those near the least the better of both ways round.

    Laid over one another the other way round two thumbs differ by hundredths, rarely by more than
    a tenth. Which comes first must not decide who is found: keys' last bits hang on the processor.
    """
    similarity, variant = confirm_pairs(thumbs, one, other, show)
    near = np.flatnonzero(similarity >= least - WAYS_APART)
    back, turned = confirm_pairs(thumbs, other[near], one[near], quietly)
    better = back > similarity[near]
    similarity[near[better]] = back[better]
    variant[near[better]] = INVERSE[turned[better]]
    return similarity, variant


def _as_pairs(one: Ints, other: Ints, similarity: Floats32, variant: Ints) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "i": np.minimum(one, other),
            "j": np.maximum(one, other),
            "similarity": np.clip(similarity, 0, 1),
            "transform": np.array(TRANSFORMS)[np.where(one < other, variant, INVERSE[variant])],
        },
        schema_overrides=PAIR_SCHEMA,
    )


def _distinct(keys: Floats32, thumbs: Bytes, rows: Ints) -> tuple[Ints, pl.DataFrame]:
    """The rows in the order of their content, equal ones but once; and the pairs of those.

    From here on nothing can depend on the order in which the rows came.
    """
    # By thumbs, then by keys: whole grey levels are the same on processors whose last bits differ.
    rows = rows[np.argsort(_as_bytes(keys[rows]), kind="stable")]
    rows = rows[np.argsort(_as_bytes(thumbs[rows]), kind="stable")]
    new = np.ones(len(rows), dtype=bool)
    new[1:] = (keys[rows[1:]] != keys[rows[:-1]]).any(axis=1)
    like = np.flatnonzero(~new)
    new[like] = (thumbs[rows[like]] != thumbs[rows[like - 1]]).any(axis=(1, 2))
    first = rows[new][np.cumsum(new) - 1]  # both sorts are stable: the first row of its like
    same, count = ~new, int((~new).sum())
    ones, zeros = np.ones(count, dtype=np.float32), np.zeros(count, dtype=np.int64)
    return rows[new], _as_pairs(first[same], rows[same], ones, zeros)


def _as_bytes(table: NDArray[np.generic]) -> NDArray[np.void]:
    width = math.prod(table.shape[1:]) * table.dtype.itemsize
    return np.ascontiguousarray(table).reshape(-1).view(np.dtype((np.void, width)))


def _spokesmen(count: int, one: Ints, other: Ints, neighbours: int) -> Ints:
    """One row of each set of copies in which a row's candidates were mostly copies of it."""
    copies = np.bincount(np.concatenate([one, other]), minlength=count)
    links = sparse.coo_array((np.ones(len(one), dtype=np.int8), (one, other)), shape=(count, count))
    _, component = csgraph.connected_components(links, directed=False)
    _, first = np.unique(component, return_index=True)
    crowded = np.unique(component[2 * copies >= max(neighbours, 1)])
    speakers: Ints = first[crowded]
    return speakers
