"""Which pictures are copies of one another: re-encoded, rescaled, shifted, mirrored, turned.

Reads the keys and thumbs of `folds.audit.fingerprint`; hands on a table of pairs. The nearest
keys of a row are its candidates; a candidate is confirmed when, laid over one another to a
fraction of a pixel, the two thumbs agree in local contrast: in their hairs and pores, not only
in the blob that all lesions share.
"""

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from os import cpu_count
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from folds.audit.fingerprint import FINE_BLURS, SIDE, bandpass, blur_matrix, local_contrast

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

# What the first picture must undergo to become the second. The order is that of `_variants`;
# rot90 is counter-clockwise, as in numpy.
TRANSFORMS: Final = (
    *("identity", "flip_h", "flip_v", "rot180"),
    *("transpose", "rot270", "rot90", "transverse"),
)
_INVERSE: Final = np.array([0, 1, 2, 3, 4, 6, 5, 7])
PAIR_SCHEMA: Final[dict[str, pl.DataType | type[pl.DataType]]] = {
    "i": pl.UInt32,
    "j": pl.UInt32,
    "similarity": pl.Float32,
    "transform": pl.Enum(TRANSFORMS),
}

# Chosen on HAM10000 (10,015 images), where lesion ids tell copies from look-alikes. Within 15 the
# most alike pair of two lesions that is no copy has 0.82, the least alike that is one 0.84; from
# 15 to 20 the former has 0.87. Of planted copies 99 % have over 0.88.
LEAST_SIMILARITY: Final = 0.83
CLOSE: Final = 15.0
LEAST_SIMILARITY_BEYOND: Final = 0.90
REACH: Final = 20.0
NEIGHBOURS: Final = 24
MIN_DETAIL: Final = 0.75  # grey levels; rounding a thumb to whole levels alone gives 0.3
# Gates before the costly steps; of planted copies 99.8 % have over 0.79 and 0.96.
LEAST_COARSE: Final = 0.78
LEAST_MIDDLE: Final = 0.88
HOPEFUL: Final = 0.10  # how far behind the best a transform may be after whole-pixel overlay

BLACK: Final = 12.0  # grey levels: black in a JPEG's thumb
BLACK_SHARE: Final = 0.02  # of black around a pixel, from which it counts as black's edge
LEAST_PIXELS: Final = 100  # of 676, or of the 504 of the outer part

LEAF: Final = 2048  # rows; a block of distances is then 16 MB
BATCH: Final = 512  # pairs confirmed at once
COARSE_BLURS: Final = (blur_matrix(1.4), blur_matrix(5.0))
COARSE_SIDE: Final = SIDE // 2
COARSE_UNIT: Final = 40.0  # local contrast lies within +-3: that times 40 fits 8 bits
COARSE_MARGIN: Final = 2  # of 16: shifts up to 12 % are tried
MARGIN: Final = 3  # of 32: the rim that a shift may push out is not compared
STEPS: Final = (4, 6)  # of alignment, coarse then fine
# How far an alignment may go, in thumb pixels: shift and stretch of y, then of x. A copy cropped
# by 5 % stretches by 0.8; a free stretch would make large blobs fit small ones.
FURTHEST: Final = np.array([5, 2, 5, 2], dtype=np.float32)


def near_duplicates(
    keys: Floats,
    thumbs: NDArray[np.uint8],
    *,
    least_similarity: float = LEAST_SIMILARITY,
    reach: float = REACH,
    neighbours: int = NEIGHBOURS,
) -> pl.DataFrame:
    """(N, K) keys and (N, S, S) thumbs -> pairs `i < j`, `similarity` (0 to 1), `transform`.

    Keys further apart than CLOSE (another light, a larger shift) ask for more similarity.

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
    found = [twins]
    beyond = max(least_similarity, LEAST_SIMILARITY_BEYOND)
    while len(rows) > 1:
        one, other = _candidates(keys[rows], reach, neighbours)
        similarity, variant = _confirm(thumbs, rows[one], rows[other])
        apart = np.linalg.norm(keys[rows[one]] - keys[rows[other]], axis=1)
        kept = similarity >= np.where(apart <= CLOSE, least_similarity, beyond)
        one, other = one[kept], other[kept]
        found.append(_as_pairs(rows[one], rows[other], similarity[kept], variant[kept]))
        rows = rows[_spokesmen(len(rows), one, other, neighbours)]
    return pl.concat(found).unique(["i", "j"], keep="first", maintain_order=True).sort("i", "j")


def has_detail(thumbs: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """(N, S, S) -> (N,): whether there is anything in a picture to recognise it by."""
    detail = np.zeros(len(thumbs), dtype=bool)
    for part in _parts(len(thumbs), LEAF):
        band = bandpass(thumbs[part].astype(np.float32), *FINE_BLURS)
        detail[part] = band[_INSIDE].std(axis=(1, 2)) >= MIN_DETAIL
    return detail


def _as_pairs(one: Ints, other: Ints, similarity: Floats, variant: Ints) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "i": np.minimum(one, other),
            "j": np.maximum(one, other),
            "similarity": np.clip(similarity, 0, 1),
            "transform": np.array(TRANSFORMS)[np.where(one < other, variant, _INVERSE[variant])],
        },
        schema_overrides=PAIR_SCHEMA,
    )


def _distinct(keys: Floats, thumbs: NDArray[np.uint8], rows: Ints) -> tuple[Ints, pl.DataFrame]:
    """The rows in the order of their content, equal ones but once; and the pairs of those.

    From here on nothing can depend on the order in which the rows came.
    """
    rows = rows[np.argsort(_as_bytes(thumbs[rows]), kind="stable")]
    rows = rows[np.argsort(_as_bytes(keys[rows]), kind="stable")]
    new = np.ones(len(rows), dtype=bool)
    new[1:] = (keys[rows[1:]] != keys[rows[:-1]]).any(axis=1)
    new[1:] |= (thumbs[rows[1:]] != thumbs[rows[:-1]]).any(axis=(1, 2))
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
    links = coo_array((np.ones(len(one), dtype=np.int8), (one, other)), shape=(count, count))
    _, component = connected_components(links, directed=False)
    _, first = np.unique(component, return_index=True)
    crowded = np.unique(component[2 * copies >= max(neighbours, 1)])
    speakers: Ints = first[crowded]
    return speakers


def _parts(count: int, size: int) -> Iterator[slice]:
    return (slice(start, min(start + size, count)) for start in range(0, count, size))


# ---- candidates: the nearest keys, exactly, a block of rows against a block of rows ----


def _candidates(keys: Floats, reach: float, neighbours: int) -> tuple[Ints, Ints]:
    """Each row with its nearest within reach; every pair once, its lower row first."""
    keys = keys - keys.mean(axis=0)  # small numbers, or the squares below lose their digits
    leaves = _leaves(keys)
    low = np.array([keys[leaf].min(axis=0) for leaf in leaves])
    high = np.array([keys[leaf].max(axis=0) for leaf in leaves])
    squares = np.einsum("nk,nk->n", keys, keys)[:, None]
    ones = np.ones_like(squares)
    left = np.concatenate([-2 * keys, squares, ones], axis=1)
    right = np.concatenate([keys, ones, squares], axis=1)
    codes = []
    for number, leaf in enumerate(leaves):
        gap = np.maximum(0, np.maximum(low - high[number], low[number] - high))
        apart = (gap * gap).sum(axis=1)
        nearest = _Nearest(len(leaf), reach, neighbours)
        for near in np.argsort(apart, kind="stable"):
            if apart[near] > nearest.limit.max():
                break
            gap = np.maximum(0, np.maximum(low[near] - keys[leaf], keys[leaf] - high[near]))
            open_rows = np.flatnonzero((gap * gap).sum(axis=1) <= nearest.limit)
            distances = left[leaf[open_rows]] @ right[leaves[near]].T
            if near == number:
                distances[np.arange(len(open_rows)), open_rows] = np.inf
            nearest.add(open_rows, distances, leaves[near])
        nearest.settle()
        rows, others = leaf[nearest.rows], nearest.others
        codes.append(np.minimum(rows, others) * len(keys) + np.maximum(rows, others))
    pairs = np.unique(np.concatenate(codes))
    return pairs // len(keys), pairs % len(keys)


def _leaves(keys: Floats) -> list[Ints]:
    """Rows cut at the median of their widest axis until few are left: a leaf is a small box."""
    leaves, todo = [], [np.arange(len(keys))]
    while todo:
        rows = todo.pop()
        if len(rows) <= LEAF:
            leaves.append(rows)
            continue
        axis = int(np.argmax(keys[rows].std(axis=0)))
        rows = rows[np.argsort(keys[rows, axis], kind="stable")]
        todo += [rows[: len(rows) // 2], rows[len(rows) // 2 :]]
    return leaves


class _Nearest:
    """The nearest rows seen so far for each row of one leaf, and how near the next must be."""

    def __init__(self, count: int, reach: float, neighbours: int) -> None:
        self.neighbours = neighbours
        self.limit = np.full(count, reach * reach, dtype=np.float32)
        self.rows: Ints = np.zeros(0, dtype=np.int64)
        self.others: Ints = np.zeros(0, dtype=np.int64)
        self.distances: Floats = np.zeros(0, dtype=np.float32)
        self.waiting: list[tuple[Ints, Ints, Floats]] = []

    def add(self, rows: Ints, distances: Floats, others: Ints) -> None:
        """Rows (R,) of the leaf, squared distances (R, C), and to which rows (C,) these lead."""
        hits = distances <= self.limit[rows, None]
        if np.count_nonzero(hits) > 2 * self.neighbours * len(rows):
            # So many that sorting them all would cost more than finding each row's last place.
            place = np.partition(distances, self.neighbours - 1, axis=1)[:, self.neighbours - 1]
            hits = distances <= np.minimum(self.limit[rows], place)[:, None]
        at = np.flatnonzero(hits)
        row, column = np.divmod(at, len(others))
        self.waiting.append((rows[row], others[column], distances.reshape(-1)[at]))
        # Sorting at every block would cost more than the distances; never sorting, the memory.
        if sum(len(part[0]) for part in self.waiting) > self.neighbours * len(self.limit) // 4:
            self.settle()

    def settle(self) -> None:
        parts = [(self.rows, self.others, self.distances), *self.waiting]
        rows, others, distances = (np.concatenate(column) for column in zip(*parts, strict=True))
        self.waiting = []
        order = np.lexsort((others, distances, rows))
        place = np.arange(len(rows)) - np.searchsorted(rows[order], rows[order])
        order, place = order[place < self.neighbours], place[place < self.neighbours]
        self.rows, self.others, self.distances = rows[order], others[order], distances[order]
        last = place == self.neighbours - 1
        self.limit[self.rows[last]] = np.minimum(self.limit[self.rows[last]], self.distances[last])


# ---- confirmation: one thumb laid over the other ----


def _confirm(thumbs: NDArray[np.uint8], one: Ints, other: Ints) -> tuple[Floats, Ints]:
    """(P,) rows and (P,) rows -> (P,) similarity and (P,) which of the eight transforms."""
    coarse = _coarse_pictures(thumbs, np.concatenate([one, other]))
    similarity = np.zeros(len(one), dtype=np.float32)
    variant = np.zeros(len(one), dtype=np.int64)

    def confirm(part: slice) -> None:
        a, b = one[part], other[part]
        similarity[part], variant[part] = _confirm_some(thumbs[a], thumbs[b], coarse[a], coarse[b])

    # NumPy lets go of the interpreter lock, and the batches write to places of their own.
    with ThreadPoolExecutor(cpu_count() or 1) as pool:
        list(pool.map(confirm, _parts(len(one), BATCH)))
    return similarity, variant


def _confirm_some(
    one: NDArray[np.uint8],
    other: NDArray[np.uint8],
    coarse_one: NDArray[np.int8],
    coarse_other: NDArray[np.int8],
) -> tuple[Floats, Ints]:
    similarity = np.zeros(len(one), dtype=np.float32)
    variant = np.zeros(len(one), dtype=np.int64)
    scores, shifts = _overlays(coarse_one, coarse_other)
    # A whole-pixel overlay may rank a wrong flip of a round blob first: align all that come close.
    hopeful = (scores >= LEAST_COARSE) & (scores >= scores.max(axis=1, keepdims=True) - HOPEFUL)
    pair, turn = np.nonzero(hopeful)
    left, right = one.astype(np.float32), other.astype(np.float32)
    warp, score = _align(
        local_contrast(_oriented(left[pair], turn), *COARSE_BLURS),
        local_contrast(right, *COARSE_BLURS)[pair],
        shifts[pair, turn],
        STEPS[0],
    )
    order = np.lexsort((turn, -score, pair))
    best = order[np.unique(pair[order], return_index=True)[1]]
    best = best[score[best] >= LEAST_MIDDLE]
    pair, turn = pair[best], turn[best]
    left, right = _oriented(left[pair], turn), right[pair]
    warp, _ = _align(
        local_contrast(left, *FINE_BLURS), local_contrast(right, *FINE_BLURS), warp[best], STEPS[1]
    )
    similarity[pair], variant[pair] = _agreement(left, right, warp), turn
    return similarity, variant


def _variants(pictures: NDArray[np.float32]) -> Floats:
    """(P, S, S) -> (P, 8, S, S)."""
    turned = pictures.transpose(0, 2, 1)
    eight = [p[:, ::y, ::x] for p in (pictures, turned) for y, x in _FLIPS]
    return np.stack(eight, axis=1)


_FLIPS: Final = ((1, 1), (1, -1), (-1, 1), (-1, -1))


def _oriented(pictures: Floats, variant: Ints) -> Floats:
    chosen: Floats = _variants(pictures)[np.arange(len(pictures)), variant]
    return chosen


def _coarse_pictures(thumbs: NDArray[np.uint8], needed: Ints) -> NDArray[np.int8]:
    """(N, S, S) -> (N, S / 2, S / 2): local contrast of the needed rows, a quarter byte a pixel."""
    coarse = np.zeros((len(thumbs), COARSE_SIDE, COARSE_SIDE), dtype=np.int8)
    rows = np.flatnonzero(np.bincount(needed, minlength=len(thumbs)))
    for part in _parts(len(rows), LEAF):
        contrast = local_contrast(thumbs[rows[part]].astype(np.float32), *COARSE_BLURS)
        pooled = contrast.reshape(-1, COARSE_SIDE, 2, COARSE_SIDE, 2).mean(axis=(2, 4))
        coarse[rows[part]] = np.rint(np.clip(pooled * COARSE_UNIT, -127, 127)).astype(np.int8)
    return coarse


def _overlays(one: NDArray[np.int8], other: NDArray[np.int8]) -> tuple[Floats, Floats]:
    """For each of the 8 transforms the best correlation over whole shifts, and that shift.

    Scores are (P, 8); the shifts (P, 8, 4) are warps for `_align`.
    """
    margin, size = COARSE_MARGIN, COARSE_SIDE - 2 * COARSE_MARGIN
    inside = slice(margin, COARSE_SIDE - margin)
    centre = one[:, inside, inside].astype(np.float32)
    centre -= centre.mean(axis=(1, 2), keepdims=True)
    template = _variants(centre).reshape(len(one), len(TRANSFORMS), size * size)
    views = np.lib.stride_tricks.sliding_window_view(
        other.astype(np.float32), (size, size), axis=(1, 2)
    )
    tries = 2 * margin + 1
    windows = views.reshape(len(one), tries * tries, size * size)
    total = windows.sum(axis=2)
    spread = (windows * windows).sum(axis=2) - total * total / size**2
    strength = (centre * centre).sum(axis=(1, 2))[:, None] * spread
    scores = windows @ template.transpose(0, 2, 1)
    scores /= np.sqrt(np.maximum(strength, 1.0))[:, :, None]  # whole numbers squared: 1 is nothing
    place = scores.argmax(axis=1)
    warps = np.zeros((*place.shape, 4), dtype=np.float32)
    warps[..., 0], warps[..., 2] = np.divmod(place, tries)
    warps[..., ::2] = (warps[..., ::2] - margin) * (SIDE / COARSE_SIDE)
    return scores.max(axis=1), warps


_GRID: Final = np.arange(MARGIN, SIDE - MARGIN, dtype=np.float32)
_Y: Final = np.repeat(_GRID, len(_GRID))
_X: Final = np.tile(_GRID, len(_GRID))
_MIDDLE: Final = (SIDE - 1) / 2
_V: Final = (_Y - _MIDDLE) / _MIDDLE  # -1 to 1 down the picture
_U: Final = (_X - _MIDDLE) / _MIDDLE
_OUTER: Final = np.maximum(np.abs(_U), np.abs(_V)) > 0.5
_INSIDE: Final = (slice(None), slice(MARGIN, SIDE - MARGIN), slice(MARGIN, SIDE - MARGIN))


def _align(one: Floats, other: Floats, warp: Floats, steps: int) -> tuple[Floats, Floats]:
    """Gauss-Newton on the correlation (Lucas-Kanade); the best warp met on the way and its score.

    warp (P, 4): shift and stretch of y, shift and stretch of x, in thumb pixels.
    """
    template, strength = _standardised(one[_INSIDE].reshape(len(one), _Y.size))
    down = np.gradient(one, axis=1)[_INSIDE].reshape(len(one), _Y.size) / strength
    right = np.gradient(one, axis=2)[_INSIDE].reshape(len(one), _Y.size) / strength
    slopes = np.stack([down, down * _V, right, right * _U], axis=1)  # (P, 4, pixels)
    slopes -= slopes.mean(axis=2, keepdims=True)
    slopes -= (slopes * template[:, None]).mean(axis=2, keepdims=True) * template[:, None]
    curvature = slopes @ slopes.transpose(0, 2, 1)
    damping = 1e-3 * np.trace(curvature, axis1=1, axis2=2) / 4 + 1e-6
    inverse = np.linalg.inv(curvature + damping[:, None, None] * np.eye(4, dtype=np.float32))
    solve = (inverse @ slopes).astype(np.float32)
    best, best_score = warp, np.full(len(one), -1, dtype=np.float32)
    for step in range(steps + 1):
        seen, _ = _standardised(_sampled(other, warp))
        score = (template * seen).mean(axis=1)
        better = score > best_score
        best_score = np.where(better, score, best_score)
        best = np.where(better[:, None], warp, best)
        if step < steps:
            move = (solve @ (template - seen)[:, :, None])[:, :, 0]
            warp = np.clip(warp + np.clip(move, -1.5, 1.5), -FURTHEST, FURTHEST)
    return best, best_score


def _agreement(one: Floats, other: Floats, warp: Floats) -> Floats:
    """Grey (P, S, S) pictures -> (P,) mean of two correlations of their local contrast under a
    warp: of the whole, and of its outer part alone.

    Lesions lie in the middle, so the outer part is skin. Two round dark blobs can agree to 0.9
    as a whole; the skin around them does not. Black bars and vignettes are left out: they agree
    between any two pictures cut at the rim of the same camera's view.
    """
    template = local_contrast(one, *FINE_BLURS)[_INSIDE].reshape(len(one), _Y.size)
    seen = _sampled(local_contrast(other, *FINE_BLURS), warp)
    dark = np.maximum(
        _blackness(one)[_INSIDE].reshape(len(one), _Y.size), _sampled(_blackness(other), warp)
    )
    weight = (dark < BLACK_SHARE).astype(np.float32)
    whole, outer = (_correlation(template, seen, w) for w in (weight, weight * _OUTER))
    return np.asarray((whole + outer) / 2, dtype=np.float32)


def _blackness(grey: Floats) -> Floats:
    """The share of black in the neighbourhood that `local_contrast` looks at."""
    black: Floats = FINE_BLURS[1] @ (grey < BLACK).astype(np.float32) @ FINE_BLURS[1].T
    return black


def _correlation(one: Floats, other: Floats, weight: Floats) -> Floats:
    """Row by row over the pixels of weight 1; 0 where these are too few to judge by."""
    total = weight.sum(axis=1, keepdims=True)
    share = weight / np.maximum(total, 1)
    one = one - (one * share).sum(axis=1, keepdims=True)
    other = other - (other * share).sum(axis=1, keepdims=True)
    strength = (one * one * share).sum(axis=1) * (other * other * share).sum(axis=1)
    correlation = (one * other * share).sum(axis=1) / np.sqrt(np.maximum(strength, 1e-12))
    return np.asarray(np.where(total[:, 0] >= LEAST_PIXELS, correlation, 0), dtype=np.float32)


def _standardised(values: Floats) -> tuple[Floats, Floats]:
    values = values - values.mean(axis=1, keepdims=True)
    strength = np.maximum(np.sqrt((values * values).mean(axis=1, keepdims=True)), 1e-6)
    return values / strength, strength


def _sampled(pictures: Floats, warp: Floats) -> Floats:
    """(P, S, S) at the warped grid, between pixels bilinear, beyond the border its last pixel."""
    y = np.clip(_Y + warp[:, 0:1] + warp[:, 1:2] * _V, 0, SIDE - 1.001)
    x = np.clip(_X + warp[:, 2:3] + warp[:, 3:4] * _U, 0, SIDE - 1.001)
    top, left = y.astype(np.int64), x.astype(np.int64)
    y, x = (y - top).astype(np.float32), (x - left).astype(np.float32)
    at = (np.arange(len(pictures)) * SIDE * SIDE)[:, None] + top * SIDE + left
    flat = pictures.reshape(-1)
    above = flat[at] * (1 - x) + flat[at + 1] * x
    below = flat[at + SIDE] * (1 - x) + flat[at + SIDE + 1] * x
    sampled: Floats = above * (1 - y) + below * y
    return sampled
