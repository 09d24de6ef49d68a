"""One lesion, as changes to the CIELAB planes of the skin under it.

Reads the traits of `synthetic.traits` and a generator, writes an opacity and three differences.
Whatever structures are painted inside, the mean difference stays the table's, so that the columns
do not see them.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthetic.textures import Plane, Textures, single

ANGLES = 512  # steps of the outline; a power of two, so that a mask takes the last as the first
HARMONICS = np.arange(2, 10)


@dataclass(frozen=True)
class Painted:
    """Opacity (H, W) of a lesion in its window, and its difference to the skin (3, H, W)."""

    window: tuple[slice, slice]
    opacity: Plane
    difference: Plane


@dataclass(frozen=True)
class Ground:
    """What is painted on: places in the lesion's own frame, and where grain and chance come from.

    `u` and `v` run along the long and the short axis, `radius` is 1 on the smooth ellipse and
    `step` counts the angle's steps; each (H, W).
    """

    traits: Mapping[str, float]
    u: Plane
    v: Plane
    radius: Plane
    step: NDArray[np.intp]
    textures: Textures
    rng: np.random.Generator

    def grain(self, name: str) -> Plane:
        """A random piece of a texture, of the ground's size."""
        height, width = self.radius.shape
        return self.textures.window(name, height, width, self.rng)

    def slope(self) -> Plane:
        """A rise across the lesion in a random direction."""
        way = self.rng.uniform(0, 2 * np.pi)
        return single(np.cos(way) * self.u + np.sin(way) * self.v)


def paint_lesion(
    traits: Mapping[str, float],
    side: int,
    px_per_mm: float,
    textures: Textures,
    rng: np.random.Generator,
) -> Painted:
    """Draw the lesion near the middle of a square crop of `side` pixels."""
    long_px = 0.5 * traits["long_mm"] * px_per_mm
    window, across, along = _window(side, long_px, rng)
    angle = np.pi * traits["turn"]
    u = single((np.cos(angle) * across + np.sin(angle) * along) / long_px)
    v = single((np.cos(angle) * along - np.sin(angle) * across) / (long_px * traits["axes"]))
    turn = np.arctan2(v, u) + np.pi
    step = (turn * (ANGLES / (2 * np.pi))).astype(np.intp) & (ANGLES - 1)
    ground = Ground(traits, u, v, np.sqrt(u * u + v * v), step, textures, rng)
    opacity, streaks = _cover(ground, long_px)
    difference = _colour(ground)
    difference += _structures(ground, streaks)
    _set_means(difference, traits, opacity)
    return Painted(window, opacity, difference)


def _window(
    side: int, long_px: float, rng: np.random.Generator
) -> tuple[tuple[slice, slice], Plane, Plane]:
    """The part of the crop that the lesion can reach, and coordinates from its centre."""
    centre = 0.5 * side + rng.uniform(-0.04, 0.04, size=2) * side
    reach = 1.75 * long_px + 8
    low = np.maximum(0, np.floor(centre - reach)).astype(int)
    high = np.minimum(side, np.ceil(centre + reach)).astype(int)
    along = single(np.arange(low[0], high[0])[:, None] - centre[0])
    across = single(np.arange(low[1], high[1])[None, :] - centre[1])
    return (slice(low[0], high[0]), slice(low[1], high[1])), across, along


def _outline(traits: Mapping[str, float], rng: np.random.Generator) -> Plane:
    """Radius by angle, about 1: uneven as the table says, and notched as it does not."""
    theta = np.linspace(-np.pi, np.pi, ANGLES, endpoint=False)
    size = 0.11 * traits["ragged"] * rng.standard_normal(len(HARMONICS)) / HARMONICS**0.9
    phase = rng.uniform(0, 2 * np.pi, len(HARMONICS))
    radius = 1 + size @ np.cos(HARMONICS[:, None] * theta + phase[:, None])
    for _ in range(rng.integers(2, 5)):
        away = np.angle(np.exp(1j * (theta - rng.uniform(-np.pi, np.pi))))
        radius -= 0.38 * traits["notches"] * np.exp(-((away / rng.uniform(0.08, 0.2)) ** 2))
    return single(np.clip(radius, 0.3, 1.5))


def _cover(ground: Ground, long_px: float) -> tuple[Plane, Plane]:
    """Opacity with a soft, rough edge, and the streaks that cross it."""
    traits, rng = ground.traits, ground.rng
    outline = _outline(traits, rng)[ground.step]
    rough = ground.grain("mottle")
    inside = (outline - ground.radius) * (long_px * 0.5 * (1 + traits["axes"]))
    inside += (0.3 + 0.35 * traits["ragged"]) * rough
    opacity = _sigmoid(inside / (rng.uniform(0.7, 2.2) + 0.012 * long_px))
    streaks = _streaks(ground, ground.radius / outline, rough)
    return np.maximum(opacity, np.minimum(1, 1.1 * streaks)), streaks


def _streaks(ground: Ground, relative: Plane, rough: Plane) -> Plane:
    """Dark fingers of uneven length across the border, over a part of its round."""
    rng = ground.rng
    theta = np.linspace(-np.pi, np.pi, ANGLES, endpoint=False)
    wobble = rng.standard_normal(4) / np.arange(1, 5)
    bent = theta + 0.12 * wobble @ np.cos(np.arange(2, 6)[:, None] * theta)
    count = rng.integers(15, 25)
    fingers = np.maximum(0, np.cos(count * bent)) ** 1.5
    tallness = rng.random(count)[((bent + np.pi) * count / (2 * np.pi)).astype(int) % count]
    part = np.clip(0.55 + np.cos(theta - rng.uniform(0, 2 * np.pi)), 0, 1)
    table = 0.85 * ground.traits["streaks"] * fingers * (0.3 + 0.7 * tallness) * part
    band = np.exp(-(((relative - 1.02 + 0.04 * rough) / 0.15) ** 2))
    return single(np.minimum(1, single(table)[ground.step] * band))


def _colour(ground: Ground) -> Plane:
    """(3, H, W): darker in the middle, lopsided, in two to five shades."""
    traits = ground.traits
    dome = np.maximum(0, 1 - ground.radius)
    lean = ground.slope()
    shades = ground.grain("mottle") + 0.8 * lean
    shades = np.round(1.2 * shades) * 0.5 + 0.4 * shades  # in steps, as pigment lies
    hues = ground.grain("mottle") - 0.6 * lean
    spread = traits["spread"]
    dark = traits["delta_l"] * (0.75 + 0.6 * dome)
    return np.stack(
        [
            single(dark + traits["spread_l"] * shades + 0.6 * spread * hues),
            single(traits["delta_a"] * (0.9 + 0.2 * dome) + spread * hues),
            single(traits["delta_b"] + 0.9 * spread * shades - 0.5 * spread * hues),
        ]
    )


def _structures(ground: Ground, streaks: Plane) -> Plane:
    """(3, H, W): streaks, a net over one side, and a blue-white veil off the middle."""
    rng, traits = ground.rng, ground.traits
    net = ground.grain("net") * traits["network"] * _sigmoid(3 * ground.slope() + 0.5)
    at = rng.uniform(-0.35, 0.35, size=2)
    away = (ground.u - at[0]) ** 2 + (ground.v - at[1]) ** 2
    veil = np.exp(-away / rng.uniform(0.12, 0.22)) * traits["veil"]
    return np.stack(
        [
            single(6 * veil - 8 * net - 9 * streaks),
            single(-8 * veil + 1.0 * net),
            single(-22 * veil - 1.5 * net - 1.5 * streaks),
        ]
    )


def _set_means(difference: Plane, traits: Mapping[str, float], opacity: Plane) -> None:
    """Shift each plane so that its mean under the lesion is the table's difference."""
    weight = opacity / opacity.sum()
    for index, name in enumerate(("delta_l", "delta_a", "delta_b")):
        difference[index] += traits[name] - float((difference[index] * weight).sum())


def _sigmoid(plane: NDArray[np.floating]) -> Plane:
    return single(1 / (1 + np.exp(-np.clip(plane, -30, 30))))
