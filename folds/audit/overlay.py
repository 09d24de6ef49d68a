"""Whether two thumbs show one picture: laid over one another to a fraction of a pixel.

First all eight flips and turns at whole shifts, coarsely; those that come close are aligned (shift
and stretch), and judged by how well hairs and pores agree, in the whole and in the outer part
alone: two round dark blobs agree as a whole, the skin around them does not.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from os import cpu_count
from typing import Final

import numpy as np
from numpy.typing import NDArray

from folds.audit.fingerprint import FINE_BLURS, SIDE, blur_matrix, local_contrast
from workspace.arrays import Bytes, Floats32, Ints
from workspace.progress import Show

# What the first picture must undergo to become the second. The order is that of `_variants`;
# rot90 is counter-clockwise, as in numpy.
TRANSFORMS: Final = (
    *("identity", "flip_h", "flip_v", "rot180"),
    *("transpose", "rot270", "rot90", "transverse"),
)
INVERSE: Final = np.array([0, 1, 2, 3, 4, 6, 5, 7])  # indices into TRANSFORMS

# Gates before the costly steps; with the thresholds of `near` they lose at most 0.8 % of any kind
# of planted copy (HAM10000 shifted by 5 %).
LEAST_COARSE: Final = 0.78
LEAST_MIDDLE: Final = 0.88
HOPEFUL: Final = 0.10  # how far behind the best a transform may be after whole-pixel overlay

BLACK: Final = 12.0  # grey levels: black in a JPEG's thumb
BLACK_SHARE: Final = 0.02  # of black around a pixel, from which it counts as black's edge
LEAST_PIXELS: Final = 100  # of 676, or of the 504 of the outer part

BATCH: Final = 512  # pairs confirmed at once
PICTURES: Final = 2048  # made coarse at once
COARSE_BLURS: Final = (blur_matrix(1.4), blur_matrix(5.0))
COARSE_SIDE: Final = SIDE // 2
COARSE_UNIT: Final = 40.0  # local contrast lies within +-3: that times 40 fits 8 bits
COARSE_MARGIN: Final = 2  # of 16: shifts up to 12 % are tried
MARGIN: Final = 3  # of 32: the rim that a shift may push out is not compared
INSIDE: Final = (slice(None), slice(MARGIN, SIDE - MARGIN), slice(MARGIN, SIDE - MARGIN))
STEPS: Final = (4, 6)  # of alignment, coarse then fine
# How far an alignment may go, in thumb pixels: shift and stretch of y, then of x. A copy cropped
# by 5 % stretches by 0.8; a free stretch would make large blobs fit small ones.
FURTHEST: Final = np.array([5, 2, 5, 2], dtype=np.float32)


def confirm_pairs(thumbs: Bytes, one: Ints, other: Ints, show: Show) -> tuple[Floats32, Ints]:
    """(P,) rows and (P,) rows -> (P,) similarity and (P,) which of the eight transforms."""
    coarse = _coarse_pictures(thumbs, np.concatenate([one, other]))
    similarity = np.zeros(len(one), dtype=np.float32)
    variant = np.zeros(len(one), dtype=np.int64)

    def confirm(batch: slice) -> None:
        a, b = one[batch], other[batch]
        similarity[batch], variant[batch] = _confirm_some(
            thumbs[a], thumbs[b], coarse[a], coarse[b]
        )

    # NumPy lets go of the interpreter lock, and the batches write to places of their own.
    slices = list(batches(len(one), BATCH))
    with ThreadPoolExecutor(cpu_count() or 1) as pool:
        try:
            for done, _ in enumerate(pool.map(confirm, slices), start=1):
                show(done, len(slices))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return similarity, variant


def _confirm_some(
    one: Bytes,
    other: Bytes,
    coarse_one: NDArray[np.int8],
    coarse_other: NDArray[np.int8],
) -> tuple[Floats32, Ints]:
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


def _variants(pictures: Floats32) -> Floats32:
    """(P, S, S) -> (P, 8, S, S)."""
    turned = pictures.transpose(0, 2, 1)
    eight = [p[:, ::y, ::x] for p in (pictures, turned) for y, x in _FLIPS]
    return np.stack(eight, axis=1)


_FLIPS: Final = ((1, 1), (1, -1), (-1, 1), (-1, -1))


def _oriented(pictures: Floats32, variant: Ints) -> Floats32:
    chosen: Floats32 = _variants(pictures)[np.arange(len(pictures)), variant]
    return chosen


def _coarse_pictures(thumbs: Bytes, needed: Ints) -> NDArray[np.int8]:
    """(N, S, S) -> (N, S / 2, S / 2): local contrast of the needed rows, a quarter byte a pixel."""
    coarse = np.zeros((len(thumbs), COARSE_SIDE, COARSE_SIDE), dtype=np.int8)
    rows = np.flatnonzero(np.bincount(needed, minlength=len(thumbs)))
    for batch in batches(len(rows), PICTURES):
        contrast = local_contrast(thumbs[rows[batch]].astype(np.float32), *COARSE_BLURS)
        pooled = contrast.reshape(-1, COARSE_SIDE, 2, COARSE_SIDE, 2).mean(axis=(2, 4))
        coarse[rows[batch]] = np.rint(np.clip(pooled * COARSE_UNIT, -127, 127)).astype(np.int8)
    return coarse


def _overlays(one: NDArray[np.int8], other: NDArray[np.int8]) -> tuple[Floats32, Floats32]:
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
    best = scores.argmax(axis=1)
    warps = np.zeros((*best.shape, 4), dtype=np.float32)
    warps[..., 0], warps[..., 2] = np.divmod(best, tries)
    warps[..., ::2] = (warps[..., ::2] - margin) * (SIDE / COARSE_SIDE)
    return scores.max(axis=1), warps


_GRID: Final = np.arange(MARGIN, SIDE - MARGIN, dtype=np.float32)
_Y: Final = np.repeat(_GRID, len(_GRID))
_X: Final = np.tile(_GRID, len(_GRID))
_MIDDLE: Final = (SIDE - 1) / 2
_V: Final = (_Y - _MIDDLE) / _MIDDLE  # -1 to 1 down the picture
_U: Final = (_X - _MIDDLE) / _MIDDLE
_OUTER: Final = np.maximum(np.abs(_U), np.abs(_V)) > 0.5


def _align(one: Floats32, other: Floats32, warp: Floats32, steps: int) -> tuple[Floats32, Floats32]:
    """Gauss-Newton on the correlation (Lucas-Kanade); the best warp met on the way and its score.

    warp (P, 4): shift and stretch of y, shift and stretch of x, in thumb pixels.
    """
    template, strength = _standardised(one[INSIDE].reshape(len(one), _Y.size))
    down = np.gradient(one, axis=1)[INSIDE].reshape(len(one), _Y.size) / strength
    right = np.gradient(one, axis=2)[INSIDE].reshape(len(one), _Y.size) / strength
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


def _agreement(one: Floats32, other: Floats32, warp: Floats32) -> Floats32:
    """Grey (P, S, S) pictures -> (P,) mean of two correlations of their local contrast under a
    warp: of the whole, and of its outer part alone.

    Lesions lie in the middle, so the outer part is skin. Two round dark blobs can agree to 0.9
    as a whole; the skin around them does not. Black bars and vignettes are left out: they agree
    between any two pictures cut at the rim of the same camera's view.
    """
    template = local_contrast(one, *FINE_BLURS)[INSIDE].reshape(len(one), _Y.size)
    seen = _sampled(local_contrast(other, *FINE_BLURS), warp)
    dark = np.maximum(
        _blackness(one)[INSIDE].reshape(len(one), _Y.size), _sampled(_blackness(other), warp)
    )
    weight = (dark < BLACK_SHARE).astype(np.float32)
    whole, outer = (_correlation(template, seen, w) for w in (weight, weight * _OUTER))
    return np.asarray((whole + outer) / 2, dtype=np.float32)


def _blackness(grey: Floats32) -> Floats32:
    """The share of black in the neighbourhood that `local_contrast` looks at."""
    black: Floats32 = FINE_BLURS[1] @ (grey < BLACK).astype(np.float32) @ FINE_BLURS[1].T
    return black


def _correlation(one: Floats32, other: Floats32, weight: Floats32) -> Floats32:
    """Row by row over the pixels of weight 1; 0 where these are too few to judge by."""
    total = weight.sum(axis=1, keepdims=True)
    share = weight / np.maximum(total, 1)
    one = one - (one * share).sum(axis=1, keepdims=True)
    other = other - (other * share).sum(axis=1, keepdims=True)
    strength = (one * one * share).sum(axis=1) * (other * other * share).sum(axis=1)
    correlation = (one * other * share).sum(axis=1) / np.sqrt(np.maximum(strength, 1e-12))
    return np.asarray(np.where(total[:, 0] >= LEAST_PIXELS, correlation, 0), dtype=np.float32)


def _standardised(values: Floats32) -> tuple[Floats32, Floats32]:
    values = values - values.mean(axis=1, keepdims=True)
    strength = np.maximum(np.sqrt((values * values).mean(axis=1, keepdims=True)), 1e-6)
    return values / strength, strength


def _sampled(pictures: Floats32, warp: Floats32) -> Floats32:
    """(P, S, S) at the warped grid, between pixels bilinear, beyond the border its last pixel."""
    y = np.clip(_Y + warp[:, 0:1] + warp[:, 1:2] * _V, 0, SIDE - 1.001)
    x = np.clip(_X + warp[:, 2:3] + warp[:, 3:4] * _U, 0, SIDE - 1.001)
    top, left = y.astype(np.int64), x.astype(np.int64)
    y, x = (y - top).astype(np.float32), (x - left).astype(np.float32)
    at = (np.arange(len(pictures)) * SIDE * SIDE)[:, None] + top * SIDE + left
    flat = pictures.reshape(-1)
    above = flat[at] * (1 - x) + flat[at + 1] * x
    below = flat[at + SIDE] * (1 - x) + flat[at + SIDE + 1] * x
    sampled: Floats32 = above * (1 - y) + below * y
    return sampled


def batches(count: int, size: int) -> Iterator[slice]:
    """Slices of at most `size` that cover `count`."""
    return (slice(start, min(start + size, count)) for start in range(0, count, size))
