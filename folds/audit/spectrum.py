"""Whether two thumbs may show one picture, by a few frequencies: cheap, before the dear question.

Of a thumb's hairs and pores the lowest five cycles are kept. A flip or turn only moves and mirrors
these numbers and a shift only turns their phases, so all eight transforms at all shifts are one
product of two short rows and one matrix product.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from folds.audit.fingerprint import FINE_BLURS, SIDE, local_contrast
from workspace.arrays import Bytes, Floats32, Ints

PICTURES: Final = 2048  # looked at at once
CYCLES: Final = 5  # across the picture: with 4 more look-alikes come through, with 6 more is lost
STEP: Final = 2  # thumb pixels from one shift that is tried to the next
SHIFTS: Final = np.arange(-4, 5, STEP)  # in y and in x: up to 12 %
TAPER: Final = (
    5  # thumb pixels: how far from the edge the picture fades out, or the edge would ring
)

# What the first picture must undergo to become the second: transposed, then flipped.
FLIPS: Final = ((1, 1), (1, -1), (-1, 1), (-1, -1))  # of y and x


def _frequencies() -> list[tuple[int, int]]:
    """(of y, of x), one of each pair of opposite ones: the other is its conjugate."""
    reach = range(-CYCLES, CYCLES + 1)
    near = [(y, x) for y in reach for x in reach if y * y + x * x <= (CYCLES + 0.3) ** 2]
    return [one for one in near if one > (0, 0)]


def _moved() -> Ints:
    """(8, K): where each frequency of a transformed picture lies in the picture's own ones,
    followed by their conjugates."""
    known = {one: row for row, one in enumerate(_FREQUENCIES)}
    known |= {(-y, -x): row + len(_FREQUENCIES) for (y, x), row in known.items()}
    return np.array(
        [
            [known[(b * x, a * y) if turned else (a * y, b * x)] for y, x in _FREQUENCIES]
            for turned in (False, True)
            for a, b in FLIPS
        ]
    )


def _shifting() -> Floats32:
    """(2 K, shifts): real and imaginary parts by turns, to the correlation at each shift."""
    y, x = (part.ravel() for part in np.meshgrid(SHIFTS, SHIFTS, indexing="ij"))
    cycles = np.array(_FREQUENCIES) @ np.array([y, x])
    angle = 2 * np.pi / SIDE * cycles
    both = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return both.reshape(-1, len(y)).astype(np.float32)


def _fading() -> Floats32:
    edge = np.minimum(np.arange(SIDE), np.arange(SIDE)[::-1]) + 1
    one = np.sin(np.pi / 2 * np.minimum(edge / TAPER, 1))
    return np.outer(one, one).astype(np.float32)


_FREQUENCIES: Final = _frequencies()
_MOVED: Final = _moved()
_SHIFTING: Final = _shifting()
_FADING: Final = _fading()
_MIDDLE: Final = (SIDE - 1) / 2  # about which pictures are flipped and turned
_WAVES: Final = np.exp(
    -2j * np.pi / SIDE * np.outer(np.arange(-CYCLES, CYCLES + 1), np.arange(SIDE) - _MIDDLE)
).astype(np.complex64)


def spectra(thumbs: Bytes, rows: Ints) -> NDArray[np.float16]:
    """(N, S, S) thumbs -> (N, 2 K): of the given rows, real and imaginary parts by turns.

    Each has length 1, so that the product of two is a correlation.
    """
    kept = np.zeros((len(thumbs), 2 * len(_FREQUENCIES)), np.float16)
    y, x = np.array(_FREQUENCIES).T + CYCLES
    for batch in batches(len(rows), PICTURES):
        faded = local_contrast(thumbs[rows[batch]].astype(np.float32), *FINE_BLURS) * _FADING
        faded -= faded.mean(axis=(1, 2), keepdims=True) * (_FADING / _FADING.mean())
        waves = (_WAVES @ faded @ _WAVES.T)[:, y, x]
        parts = np.ascontiguousarray(waves).view(np.float32)
        strength = np.linalg.norm(parts, axis=1, keepdims=True)
        kept[rows[batch]] = parts / np.maximum(strength, 1e-6)
    return kept


def correlations(one: Floats32, other: Floats32) -> tuple[Floats32, Floats32]:
    """Spectra (P, 2 K) of pairs: for each of the 8 transforms of the first picture the best
    correlation over all shifts, (P, 8), and that shift of y and x in thumb pixels, (P, 8, 2)."""
    first, second = (np.ascontiguousarray(side).view(np.complex64) for side in (one, other))
    moved = np.concatenate([first, first.conj()], axis=1).take(_MOVED, axis=1)
    moved *= second.conj()[:, None]
    scores = moved.view(np.float32) @ _SHIFTING
    best = scores.argmax(axis=2)
    shifts = np.stack(np.divmod(best, len(SHIFTS)), axis=2)
    return scores.max(axis=2), (shifts * STEP + SHIFTS[0]).astype(np.float32)


def batches(count: int, size: int) -> Iterator[slice]:
    """Slices of at most `size` that cover `count`."""
    return (slice(start, min(start + size, count)) for start in range(0, count, size))
