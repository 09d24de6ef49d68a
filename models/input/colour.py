"""Colour jitter as one matrix: brightness, contrast, saturation and hue in a random order.

Each of the four is linear in RGB once the picture's mean is known, so their product is one colour
matrix and one offset, and the picture is rounded and clipped once instead of four times. Hue is
turned about the grey axis, which keeps the mean of the three channels and not their maximum.
"""

from typing import Literal, get_args

import cv2
import numpy as np

from models.input.config import AugmentConfig
from workspace.arrays import Bytes, Floats

Step = Literal["brightness", "contrast", "saturation", "hue"]
STEPS: tuple[Step, ...] = get_args(Step)
LUMA = np.array([0.299, 0.587, 0.114])  # what a grey picture is made of, ITU-R BT.601
_GREY = np.tile(LUMA, (3, 1))


def draw_jitter(config: AugmentConfig, stream: np.random.Generator) -> list[tuple[Step, float]]:
    """The steps in their order: factors about 1, hue as a share of the colour circle about 0."""
    reaches = (config.brightness, config.contrast, config.saturation, config.hue)
    signs = 2 * stream.random(4) - 1
    drawn: list[tuple[Step, float]] = [
        (step, float(sign * reach) + (step != "hue"))
        for step, sign, reach in zip(STEPS, signs, reaches, strict=True)
    ]
    return [drawn[number] for number in stream.permutation(4)]


def jitter(pixels: Bytes, steps: list[tuple[Step, float]]) -> Bytes:
    """uint8 RGB (H, W, 3) -> the same, rounded and clipped."""
    colours = jitter_matrix(steps, np.array(cv2.mean(pixels)[:3]))
    return np.asarray(cv2.transform(pixels, colours), np.uint8)


def grey(pixels: Bytes) -> Bytes:
    """uint8 RGB (H, W, 3) -> the same without colour."""
    return cv2.cvtColor(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB).astype(
        np.uint8, copy=False
    )


def jitter_matrix(steps: list[tuple[Step, float]], mean: Floats) -> Floats:
    """(3, 4): the colour matrix and, as its last column, the offset, for a picture of this mean."""
    colours = np.eye(3, 4)
    for step, value in steps:
        if step == "brightness":
            colours *= value
        elif step == "contrast":
            grey = LUMA @ (colours[:, :3] @ mean + colours[:, 3])
            colours *= value
            colours[:, 3] += (1 - value) * grey
        elif step == "saturation":
            colours = value * colours + (1 - value) * (_GREY @ colours)
        else:
            colours = _turned(value) @ colours
    return colours


def _turned(share: float) -> Floats:
    """A rotation of RGB about its grey axis: red towards green for a positive share."""
    angle = 2 * np.pi * share
    even = (1 - np.cos(angle)) / 3
    odd = np.sin(angle) / np.sqrt(3)
    same, next_one, last_one = np.cos(angle) + even, even - odd, even + odd
    return np.array(
        [[same, next_one, last_one], [last_one, same, next_one], [next_one, last_one, same]]
    )
