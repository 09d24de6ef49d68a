"""Grain that repeats in skin: pores, furrows, blotches, and the net of a pigmented lesion.

Reads a generator, writes square tiles of unit variance that wrap around. A crop cuts windows out
of them at random places, which costs nothing beside filtering noise for each crop anew.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workspace.arrays import Floats

Plane = NDArray[np.float32]

TILE = 512  # px; twice the largest crop and more


def single(plane: ArrayLike) -> Plane:
    """Single precision: half the memory traffic, and far finer than eight bits."""
    return np.asarray(plane, dtype=np.float32)


@dataclass(frozen=True)
class Textures:
    """Each (TILE, TILE), mean 0 and variance 1, but `net`: 1 on its lines, 0 between."""

    pores: Plane
    furrows: Plane  # crossing lines, as on the back of the hand
    mottle: Plane  # patches of about a millimetre
    blotches: Plane  # slow changes across a crop
    net: Plane

    def window(self, name: str, height: int, width: int, rng: np.random.Generator) -> Plane:
        """A random window, flipped at random."""
        tile: Plane = getattr(self, name)
        top, left = rng.integers(TILE - height + 1), rng.integers(TILE - width + 1)
        flip = 1 if rng.integers(2) else -1
        return tile[top : top + height, left : left + width][::flip]


def weave(rng: np.random.Generator) -> Textures:
    """All tiles of one competition."""
    across, along = np.meshgrid(np.fft.rfftfreq(TILE), np.fft.fftfreq(TILE))
    radius = np.hypot(across, along)
    lines = [_filtered(rng, _stripes(across, along, degrees)) for degrees in (25, 80, 140)]
    band = _filtered(rng, np.exp(-(((radius - 0.085) / 0.02) ** 2)))
    return Textures(
        pores=_filtered(rng, np.exp(-((radius / 0.22) ** 2))),
        furrows=_unit(-np.abs(np.sum(lines, axis=0))),
        mottle=_filtered(rng, np.exp(-((radius / 0.045) ** 2))),
        blotches=_filtered(rng, np.exp(-((radius / 0.011) ** 2))),
        net=single(np.exp(-((band / 0.45) ** 2))),
    )


def _stripes(across: Floats, along: Floats, degrees: float) -> Floats:
    """A filter that passes lines of one direction, about seven pixels apart."""
    angle = np.radians(degrees)
    over = across * np.cos(angle) + along * np.sin(angle)
    beside = -across * np.sin(angle) + along * np.cos(angle)
    keep: Floats = np.exp(-(((np.abs(over) - 0.13) / 0.05) ** 2) - (beside / 0.03) ** 2)
    return keep


def _filtered(rng: np.random.Generator, keep: Floats) -> Plane:
    noise = np.fft.rfft2(rng.standard_normal((TILE, TILE)))
    return _unit(np.fft.irfft2(noise * keep, s=(TILE, TILE)))


def _unit(plane: NDArray[np.floating]) -> Plane:
    return single((plane - plane.mean()) / plane.std())
