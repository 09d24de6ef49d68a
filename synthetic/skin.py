"""One crop: skin with its shading, grain, freckles and hair, a lesion on it, and the camera.

Reads one lesion's traits, writes the bytes of a square JPEG. Works in CIELAB, where the table's
columns live. The randomness of a crop is its own generator's alone.
"""

from collections.abc import Mapping

import numpy as np
import simplejpeg

from synthetic.hospitals import HOSPITALS, Hospital
from synthetic.lesion import paint_lesion
from synthetic.textures import Plane, Textures, single
from workspace.arrays import Bytes
from workspace.lazy import LazyModule

cv2 = LazyModule("cv2")

SMALLEST, USUAL, LARGEST = 55, 133, 241  # px: the real crops' range and median
USUAL_MM = 3.4
PX_PER_MM = 19.0
EXPOSURE = 9.0  # L: tiles are shown lighter than they are measured
LESION_SHARE_AT_MOST = 0.72  # of the side; a larger lesion is photographed from further away


def draw_crop(traits: Mapping[str, float], textures: Textures, rng: np.random.Generator) -> bytes:
    """The JPEG of one lesion."""
    hospital = HOSPITALS[int(traits["hospital"])]
    side = _side(traits["long_mm"], rng)
    scale = min(PX_PER_MM, LESION_SHARE_AT_MOST * side / traits["long_mm"])
    lab = _bare_skin(traits, side, textures, rng)
    _add_freckles(lab, traits["freckles"], rng)
    lesion = paint_lesion(traits, side, scale, textures, rng)
    lab[:, *lesion.window] += lesion.opacity * lesion.difference
    _add_hair(lab, traits["hair"], rng)
    rgb = _photograph(lab, hospital, rng)
    _add_clutter(rgb, rng)
    data: bytes = simplejpeg.encode_jpeg(
        rgb, quality=hospital.quality, colorspace="RGB", colorsubsampling="420"
    )
    return data


def _side(long_mm: float, rng: np.random.Generator) -> int:
    """Mostly chance, a little the lesion's size, as in the real crops."""
    usual = USUAL * (long_mm / USUAL_MM) ** 0.1 * np.exp(0.16 * rng.standard_normal())
    return int(np.clip(round(usual), SMALLEST, LARGEST))


def _bare_skin(
    traits: Mapping[str, float], side: int, textures: Textures, rng: np.random.Generator
) -> Plane:
    """(3, side, side): the patient's tone under uneven light, with pores and furrows."""
    blotches = textures.window("blotches", side, side, rng)
    mottle = textures.window("mottle", side, side, rng)
    furrowed = np.float32(traits["weave"])
    grain = (1 - 0.6 * furrowed) * textures.window("pores", side, side, rng)
    grain = grain + furrowed * textures.window("furrows", side, side, rng)
    ramp = np.linspace(-1, 1, side, dtype=np.float32)
    slope = 2.2 * rng.standard_normal(2).astype(np.float32)
    light = slope[0] * ramp[:, None] + slope[1] * ramp[None, :] + 1.2 * blotches
    std = np.float32(traits["skin_std"])
    lab = np.empty((3, side, side), dtype=np.float32)
    lab[0] = EXPOSURE + traits["skin_l"] + light + std * (1.1 * grain + 0.45 * mottle)
    lab[1] = traits["skin_a"] + 0.8 * blotches + 0.9 * mottle - 0.45 * grain
    lab[2] = traits["skin_b"] - 0.6 * blotches + 0.35 * mottle + 0.3 * grain
    return lab


def _add_freckles(lab: Plane, freckles: float, rng: np.random.Generator) -> None:
    """Small pale brown spots around, more on a freckled patient."""
    side = lab.shape[1]
    for _ in range(rng.poisson(0.3 + 3.0 * freckles)):
        y, x = rng.uniform(0, side, size=2)
        radius = rng.uniform(1.2, 4.0)
        rows = slice(max(0, int(y - 3 * radius)), int(y + 3 * radius) + 1)
        columns = slice(max(0, int(x - 3 * radius)), int(x + 3 * radius) + 1)
        down = (np.arange(side, dtype=np.float32)[rows, None] - y) ** 2
        right = (np.arange(side, dtype=np.float32)[None, columns] - x) ** 2
        spot = np.exp(-(((down + right) / (radius * radius)) ** 1.5))
        depth = rng.uniform(2, 8)
        lab[0, rows, columns] -= depth * spot
        lab[1, rows, columns] += 0.4 * depth * spot
        lab[2, rows, columns] += 0.25 * depth * spot


def _add_hair(lab: Plane, hair: float, rng: np.random.Generator) -> None:
    """Thin bent strands, mostly one way, dark or fair."""
    side = lab.shape[1]
    count = rng.poisson(7.0 * hair)
    if count == 0:
        return
    strands = np.zeros((side, side), dtype=np.uint8)
    way = rng.uniform(0, np.pi)
    along = np.linspace(-0.5, 0.5, 12)
    for _ in range(count):
        angle = way + 0.5 * rng.standard_normal()
        length, bend = side * rng.uniform(0.3, 1.1), side * 0.35 * rng.standard_normal()
        start = rng.uniform(-0.1, 1.1, size=2) * side
        forward, sideways = length * along, bend * (along * along - 0.1)
        x = start[0] + np.cos(angle) * forward - np.sin(angle) * sideways
        y = start[1] + np.sin(angle) * forward + np.cos(angle) * sideways
        points = np.round(np.stack([x, y], axis=1) * 16).astype(np.int32)
        shade = int(rng.integers(90, 230))
        cv2.polylines(strands, [points], False, shade, 1, cv2.LINE_AA, shift=4)
    cover = single(strands * (0.8 / 255))
    colour = (70.0, 4.0, 20.0) if rng.integers(6) == 0 else (17.0, 5.0, 8.0)  # fair or dark
    for index, value in enumerate(colour):
        lab[index] += cover * (value - lab[index])


def _photograph(lab: Plane, hospital: Hospital, rng: np.random.Generator) -> Bytes:
    """Focus and sensor noise, then 8-bit RGB. The cast is already in the traits."""
    blur = hospital.blur_px * float(np.exp(0.2 * rng.standard_normal()))
    image = cv2.GaussianBlur(cv2.merge(list(lab)), (0, 0), blur)
    rgb = single(cv2.cvtColor(image, cv2.COLOR_LAB2RGB))
    noise = 1.6 * rng.standard_normal(rgb.shape[:2], dtype=np.float32)
    thrice = single(cv2.merge([noise] * 3))  # adding one plane to pixels of three is slow
    seen: Bytes = np.clip(255 * rgb + thrice + 0.5, 0, 255).astype(np.uint8)
    return seen


def _add_clutter(rgb: Bytes, rng: np.random.Generator) -> None:
    """Now and then a ruler's ticks, a glare spot, or the edge of the body."""
    side, kind = rgb.shape[0], rng.integers(100)
    if kind < 2:
        every = int(rng.integers(8, 14))
        edge = rgb[-int(rng.integers(7, 12)) :]
        edge[:] = 225
        edge[:, ::every] = 40
    elif kind < 6:
        at = (int(rng.integers(side)), int(rng.integers(side)))
        spot = np.zeros((side, side), dtype=np.float32)
        cv2.circle(spot, at, int(rng.integers(1, 4)), 1.0, -1, cv2.LINE_AA)
        glare = single(cv2.GaussianBlur(spot, (0, 0), 1.2))[..., None]
        rgb[:] = (rgb + glare * (250 - single(rgb))).astype(np.uint8)
    elif kind < 8:
        corner = int(side * rng.uniform(0.15, 0.4))
        points = np.array([[0, 0], [corner, 0], [0, int(corner * rng.uniform(0.5, 2))]], np.int32)
        cv2.fillPoly(rgb, [points], (12, 12, 14), cv2.LINE_AA)
