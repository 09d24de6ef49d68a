"""Synthetic hair: a few dark curved strands, one or two pixels wide, drawn over the picture.

A strand is a quadratic curve from one point to another, bent sideways; ends may lie beyond the
edge, as those of real hair do. uint8 in and out; the picture handed in is not changed.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from workspace.arrays import Bytes, Floats

STEPS = 12  # straight pieces a strand; at 224 px one is about 15 px long
SUBPIXEL_BITS = 4
# Brown to black hair, RGB: the darkest and the lightest end of a line between them.
BLACK = np.array([15.0, 10.0, 8.0])
BROWN = np.array([95.0, 65.0, 45.0])


@dataclass(frozen=True)
class Strand:
    """Start, bend and end as x, y in pixels, (3, 2); width in pixels; colour as RGB levels."""

    points: Floats
    width: int
    colour: tuple[int, int, int]


def draw_strands(
    stream: np.random.Generator, side: int, count: tuple[int, int], width: tuple[int, int]
) -> list[Strand]:
    """Random strands for a square picture; both ranges include their ends."""
    strands = []
    for _ in range(int(stream.integers(count[0], count[1] + 1))):
        start = stream.random(2)
        angle = stream.uniform(0, 2 * np.pi)
        along = np.array([np.cos(angle), np.sin(angle)])
        length = stream.uniform(0.3, 0.9)
        bend = stream.uniform(-0.25, 0.25) * length * np.array([-along[1], along[0]])
        points = np.stack([start, start + along * length / 2 + bend, start + along * length])
        dark = BLACK + stream.random() * (BROWN - BLACK)
        red, green, blue = (int(level) for level in dark)
        wide = int(stream.integers(width[0], width[1] + 1))
        strands.append(Strand(points * side, wide, (red, green, blue)))
    return strands


def with_hair(pixels: Bytes, strands: list[Strand]) -> Bytes:
    """(H, W, 3) -> a copy with the strands on it, smooth at their edges.

    Wider strands are lines side by side: OpenCV's own smooth line of 2 px covers nearly 4.
    """
    drawn = pixels.copy()
    t = np.linspace(0, 1, STEPS + 1)[:, None]
    positions = np.hstack([(1 - t) ** 2, 2 * t * (1 - t), t**2])
    directions = np.hstack([t - 1, 1 - 2 * t, t])
    for strand in strands:
        curve, along = positions @ strand.points, directions @ strand.points
        across = along[:, ::-1] * (1, -1) / np.maximum(np.hypot(*along.T), 1e-9)[:, None]
        for number in range(strand.width):
            line = curve + (number - (strand.width - 1) / 2) * across
            fixed = np.rint(line * 2**SUBPIXEL_BITS).astype(np.int32)
            cv2.polylines(drawn, [fixed], False, strand.colour, 1, cv2.LINE_AA, SUBPIXEL_BITS)
    return drawn
