"""Whether two thumbs show one picture: laid over one another to a fraction of a pixel.

First all eight flips and turns at whole shifts, by a few frequencies; those that come close are
aligned (shift and stretch), and judged by how well hairs and pores agree, in the whole and in the
outer part alone: two round dark blobs agree as a whole, the skin around them does not. Each step
costs ten times the one before, so each lets only that pass which can still become a copy.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Final

import numpy as np
from numpy.typing import NDArray

from folds.audit.fingerprint import FINE_BLURS, SIDE, blur_matrix, local_contrast
from folds.audit.spectrum import FLIPS, batches, correlations, spectra
from workspace.arrays import Bytes, Floats32, Ints
from workspace.machine import lent_cores
from workspace.progress import Show

# What the first picture must undergo to become the second. The order is that of `_variants`;
# rot90 is counter-clockwise, as in numpy.
TRANSFORMS: Final = (
    *("identity", "flip_h", "flip_v", "rot180"),
    *("transpose", "rot270", "rot90", "transverse"),
)
INVERSE: Final = np.array([0, 1, 2, 3, 4, 6, 5, 7])  # indices into TRANSFORMS

# Correlations that let a pair pass to the next, dearer step: at whole shifts, with the large shapes
# aligned, and of hairs and pores at that place. What is reported in the end has at least 0.59 and
# 0.77 in the first and last (HAM10000, and copies planted there and in ISIC 2024 have more).
LEAST_COARSE: Final = 0.55
LEAST_MIDDLE: Final = 0.88
LEAST_FINE: Final = 0.70
HOPEFUL: Final = 0.07  # how far behind the best a transform may be at whole shifts; seen: 0.034

BLACK: Final = 12.0  # grey levels: black in a JPEG's thumb
BLACK_SHARE: Final = 0.02  # of black around a pixel, from which it counts as black's edge
LEAST_PIXELS: Final = 100  # of 676, or of the 504 of the outer part

BATCH: Final = 512  # pairs confirmed at once
COARSE_BLURS: Final = (blur_matrix(1.4), blur_matrix(5.0))
MARGIN: Final = 3  # of 32: the rim that a shift may push out is not compared
STEPS: Final = (4, 6)  # of alignment, coarse then fine
# How far an alignment may go, in thumb pixels: shift and stretch of y, then of x. A copy cropped
# by 5 % stretches by 0.8; a free stretch would make large blobs fit small ones.
FURTHEST: Final = np.array([5, 2, 5, 2], dtype=np.float32)


def confirm_pairs(thumbs: Bytes, one: Ints, other: Ints, show: Show) -> tuple[Floats32, Ints]:
    """(P,) rows and (P,) rows -> (P,) similarity and (P,) which of the eight transforms."""
    needed = np.flatnonzero(np.bincount(np.concatenate([one, other]), minlength=len(thumbs)))
    known = spectra(thumbs, needed)
    similarity = np.zeros(len(one), dtype=np.float32)
    variant = np.zeros(len(one), dtype=np.int64)

    def confirm(batch: slice) -> None:
        a, b = one[batch], other[batch]
        similarity[batch], variant[batch] = _confirm_some(thumbs[a], thumbs[b], known[a], known[b])

    # NumPy lets go of the interpreter lock, and the batches write to places of their own.
    slices = list(batches(len(one), BATCH))
    with ThreadPoolExecutor(lent_cores()) as pool:
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
    spectrum_one: NDArray[np.float16],
    spectrum_other: NDArray[np.float16],
) -> tuple[Floats32, Ints]:
    similarity = np.zeros(len(one), dtype=np.float32)
    variant = np.zeros(len(one), dtype=np.int64)
    pair, turn, warp = _hopeful(spectrum_one.astype(np.float32), spectrum_other.astype(np.float32))
    near, at = np.unique(pair, return_inverse=True)
    left, right = one[near].astype(np.float32), other[near].astype(np.float32)
    best, warp = _best_turns(left, right, at, turn, warp)
    near, left, right, turn = near[at[best]], left[at[best]], right[at[best]], turn[best]
    alike, agreement = _agreements(_oriented(left, turn), right, warp)
    similarity[near[alike]], variant[near[alike]] = agreement, turn[alike]
    return similarity, variant


def _hopeful(one: Floats32, other: Floats32) -> tuple[Ints, Ints, Floats32]:
    """Spectra of pairs -> which pairs, under which transforms, and warps by whole shifts.

    Whole shifts may rank a wrong flip of a round blob first: all that come close are kept.
    """
    scores, shifts = correlations(one, other)
    close = (scores >= LEAST_COARSE) & (scores >= scores.max(axis=1, keepdims=True) - HOPEFUL)
    pair, turn = np.nonzero(close)
    warp = np.zeros((len(pair), 4), dtype=np.float32)
    warp[:, ::2] = shifts[pair, turn]
    return pair, turn, warp


def _best_turns(
    one: Floats32, other: Floats32, pair: Ints, turn: Ints, warp: Floats32
) -> tuple[Ints, Floats32]:
    """Aligned by their large shapes: the best row of `pair` and `turn` for each pair that has a
    good one, and its warp."""
    first, second = (local_contrast(side, *COARSE_BLURS) for side in (one, other))
    warp, score = _align(_oriented(first[pair], turn), second[pair], warp, STEPS[0], COARSE)
    order = np.lexsort((turn, -score, pair))
    best = order[np.unique(pair[order], return_index=True)[1]]
    best = best[score[best] >= LEAST_MIDDLE]
    return best, warp[best]


def _agreements(one: Floats32, other: Floats32, warp: Floats32) -> tuple[Ints, Floats32]:
    """Aligned by hairs and pores: which of the pairs agree in them to begin with, and how well
    these do in the end."""
    first, second = (local_contrast(side, *FINE_BLURS) for side in (one, other))
    alike = np.flatnonzero(_score(first, second, warp) >= LEAST_FINE)
    warp, _ = _align(first[alike], second[alike], warp[alike], STEPS[1], FINE)
    return alike, _agreement(one[alike], other[alike], warp)


def _variants(pictures: Floats32) -> Floats32:
    """(P, S, S) -> (P, 8, S, S)."""
    turned = pictures.transpose(0, 2, 1)
    eight = [p[:, ::y, ::x] for p in (pictures, turned) for y, x in FLIPS]
    return np.stack(eight, axis=1)


def _oriented(pictures: Floats32, variant: Ints) -> Floats32:
    chosen: Floats32 = _variants(pictures)[np.arange(len(pictures)), variant]
    return chosen


_MIDDLE: Final = (SIDE - 1) / 2


class Grid:
    """Pixels at which two pictures are compared: all but the rim, or every second of these."""

    def __init__(self, step: int) -> None:
        inside = slice(MARGIN, SIDE - MARGIN, step)
        self.inside = (slice(None), inside, inside)
        lines = np.arange(SIDE, dtype=np.float32)[inside]
        self.y, self.x = np.repeat(lines, len(lines)), np.tile(lines, len(lines))
        self.v = (self.y - _MIDDLE) / _MIDDLE  # -1 to 1 down the picture
        self.u = (self.x - _MIDDLE) / _MIDDLE

    def of(self, pictures: Floats32) -> Floats32:
        """(P, S, S) -> (P, pixels)."""
        return pictures[self.inside].reshape(len(pictures), self.y.size)

    def warped(self, pictures: Floats32, warp: Floats32) -> Floats32:
        """(P, S, S) at the warped pixels, between them bilinear, beyond the border its last one."""
        y = np.clip(self.y + warp[:, 0:1] + warp[:, 1:2] * self.v, 0, SIDE - 1.001)
        x = np.clip(self.x + warp[:, 2:3] + warp[:, 3:4] * self.u, 0, SIDE - 1.001)
        top, left = y.astype(np.int64), x.astype(np.int64)
        y, x = (y - top).astype(np.float32), (x - left).astype(np.float32)
        at = (np.arange(len(pictures)) * SIDE * SIDE)[:, None] + top * SIDE + left
        flat = pictures.reshape(-1)
        above = flat[at] * (1 - x) + flat[at + 1] * x
        below = flat[at + SIDE] * (1 - x) + flat[at + SIDE + 1] * x
        between: Floats32 = above * (1 - y) + below * y
        return between


FINE: Final = Grid(1)
COARSE: Final = Grid(2)  # what COARSE_BLURS leaves has no finer detail
_OUTER: Final = np.maximum(np.abs(FINE.u), np.abs(FINE.v)) > 0.5


def _align(
    one: Floats32, other: Floats32, warp: Floats32, steps: int, grid: Grid
) -> tuple[Floats32, Floats32]:
    """Gauss-Newton on the correlation (Lucas-Kanade); the best warp met on the way and its score.

    warp (P, 4): shift and stretch of y, shift and stretch of x, in thumb pixels.
    """
    template, strength = _standardised(grid.of(one))
    down = grid.of(np.gradient(one, axis=1)) / strength
    right = grid.of(np.gradient(one, axis=2)) / strength
    slopes = np.stack([down, down * grid.v, right, right * grid.u], axis=1)  # (P, 4, pixels)
    slopes -= slopes.mean(axis=2, keepdims=True)
    slopes -= (slopes * template[:, None]).mean(axis=2, keepdims=True) * template[:, None]
    curvature = slopes @ slopes.transpose(0, 2, 1)
    damping = 1e-3 * np.trace(curvature, axis1=1, axis2=2) / 4 + 1e-6
    inverse = np.linalg.inv(curvature + damping[:, None, None] * np.eye(4, dtype=np.float32))
    solve = (inverse @ slopes).astype(np.float32)
    best, best_score = warp, np.full(len(one), -1, dtype=np.float32)
    for step in range(steps + 1):
        seen, _ = _standardised(grid.warped(other, warp))
        score = (template * seen).mean(axis=1)
        better = score > best_score
        best_score = np.where(better, score, best_score)
        best = np.where(better[:, None], warp, best)
        if step < steps:
            move = (solve @ (template - seen)[:, :, None])[:, :, 0]
            warp = np.clip(warp + np.clip(move, -1.5, 1.5), -FURTHEST, FURTHEST)
    return best, best_score


def _score(one: Floats32, other: Floats32, warp: Floats32) -> Floats32:
    """(P,) correlation of (P, S, S) pictures under a warp."""
    template, _ = _standardised(FINE.of(one))
    seen, _ = _standardised(FINE.warped(other, warp))
    score: Floats32 = (template * seen).mean(axis=1)
    return score


def _agreement(one: Floats32, other: Floats32, warp: Floats32) -> Floats32:
    """Grey (P, S, S) pictures -> (P,) mean of two correlations of their local contrast under a
    warp: of the whole, and of its outer part alone.

    Lesions lie in the middle, so the outer part is skin. Two round dark blobs can agree to 0.9
    as a whole; the skin around them does not. Black bars and vignettes are left out: they agree
    between any two pictures cut at the rim of the same camera's view.
    """
    template = FINE.of(local_contrast(one, *FINE_BLURS))
    seen = FINE.warped(local_contrast(other, *FINE_BLURS), warp)
    dark = np.maximum(FINE.of(_blackness(one)), FINE.warped(_blackness(other), warp))
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
