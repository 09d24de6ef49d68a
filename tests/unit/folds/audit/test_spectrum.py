"""The quick correlations are those of the pictures laid over one another, slowly."""

import numpy as np
import pytest

from folds.audit.fingerprint import FINE_BLURS, SIDE, local_contrast
from folds.audit.overlay import TRANSFORMS
from folds.audit.spectrum import CYCLES, SHIFTS, TAPER, correlations, spectra
from tests.unit.folds.audit.test_fingerprint import skin
from tests.unit.folds.audit.test_near import prints
from workspace.arrays import Bytes, Floats

TURNED = {
    "identity": lambda p: p,
    "flip_h": lambda p: p[:, ::-1],
    "flip_v": lambda p: p[::-1],
    "rot180": lambda p: np.rot90(p, 2),
    "transpose": lambda p: p.T,
    "rot270": lambda p: np.rot90(p, 3),
    "rot90": lambda p: np.rot90(p, 1),
    "transverse": lambda p: np.rot90(p, 2).T,
}


def test_correlations_equal_their_slow_twin() -> None:
    _, thumbs = prints([skin(1), skin(2), np.roll(skin(1), 6, axis=1)])
    first, second = np.array([0, 0, 1]), np.array([1, 2, 2])
    known = spectra(thumbs, np.arange(3)).astype(np.float32)
    scores, shifts = correlations(known[first], known[second])
    for pair, (one, other) in enumerate(zip(first, second, strict=True)):
        template, seen = _low(thumbs[one]), _low(thumbs[other])
        for number, name in enumerate(TRANSFORMS):
            tried = {
                (y, x): np.corrcoef(
                    TURNED[name](template).ravel(), np.roll(seen, (-y, -x), axis=(0, 1)).ravel()
                )[0, 1]
                for y in SHIFTS
                for x in SHIFTS
            }
            assert scores[pair, number] == pytest.approx(max(tried.values()), abs=2e-3)
            assert tried[tuple(shifts[pair, number])] == pytest.approx(
                max(tried.values()), abs=4e-3
            )


def _low(thumb: Bytes) -> Floats:
    """Faded out at its edges and without its higher frequencies."""
    edge = np.minimum(np.arange(SIDE), np.arange(SIDE)[::-1]) + 1
    one = np.sin(np.pi / 2 * np.minimum(edge / TAPER, 1))
    fading = np.outer(one, one)
    contrast = local_contrast(thumb.astype(np.float32), *FINE_BLURS) * fading
    contrast -= contrast.mean() * fading / fading.mean()
    cycles = np.fft.fftfreq(SIDE, 1 / SIDE)
    near = np.hypot(cycles[:, None], cycles) <= CYCLES + 0.3
    near[0, 0] = False
    return np.fft.ifft2(np.fft.fft2(contrast) * near).real


def test_a_blank_picture_is_like_nothing() -> None:
    _, thumbs = prints([skin(1)])
    blank = np.full_like(thumbs, 90)
    known = spectra(np.concatenate([thumbs, blank]), np.arange(2)).astype(np.float32)
    scores, _ = correlations(known[:1], known[1:])
    assert np.abs(scores).max() < 0.2


def test_only_the_rows_asked_for_are_looked_at() -> None:
    _, thumbs = prints([skin(1), skin(2)])
    known = spectra(thumbs, np.array([1]))
    assert not known[0].any()
    assert np.linalg.norm(known[1].astype(np.float32)) == pytest.approx(1, abs=1e-3)
