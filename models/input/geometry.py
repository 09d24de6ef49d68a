"""Where a training picture is cropped, turned and bent: drawn as numbers, then one 3 x 3 matrix.

Steps and their order are those of the table: resize, crop, flips, rotation, affine, perspective.
Pixel centres lie at whole numbers and turning is about the crop's centre, as in OpenCV and in the
library that `exact` uses, so that one warp by the product puts pixels where six steps would.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from models.input.config import AugmentConfig
from workspace.arrays import Bytes, Floats

Matrix = Floats
LONGER = float(np.log(4 / 3))  # of a part's sides, one to the other: at most this (SimCLR)


@dataclass(frozen=True)
class Placement:
    """What was drawn for one picture; lengths in pixels of the crop, angles in degrees."""

    resized: int
    size: int
    crop: tuple[int, int] = (0, 0)  # left, top
    flipped: tuple[bool, bool] = (False, False)  # left to right, top to bottom
    rotation: float = 0.0
    shift: tuple[float, float] = (0.0, 0.0)
    scale: float = 1.0
    shear: tuple[float, float] = (0.0, 0.0)
    corners: Floats | None = None


def draw_placement(config: AugmentConfig, size: int, stream: np.random.Generator) -> Placement:
    """One random placement by the table."""
    resized = config.resized(size)
    spare = resized - size + 1
    crop = (int(stream.random() * spare), int(stream.random() * spare))
    flipped = (
        stream.random() < config.horizontal_flip_p,
        stream.random() < config.vertical_flip_p,
    )
    rotation = 0.0
    if stream.random() < config.rotation_p:
        rotation = _around(stream, config.rotation_degrees)
    shift, scale, shear = (0.0, 0.0), 1.0, (0.0, 0.0)
    if stream.random() < config.affine_p:
        reach = config.translate * size
        shift = (float(int(_around(stream, reach))), float(int(_around(stream, reach))))
        scale = stream.uniform(config.scale_low, config.scale_high)
        shear = (_around(stream, config.shear_degrees), _around(stream, config.shear_degrees))
    corners = None
    if stream.random() < config.perspective_p:
        corners = draw_corners(stream, size, config.perspective)
    return Placement(resized, size, crop, flipped, rotation, shift, scale, shear, corners)


def cut(config: AugmentConfig, pixels: Bytes, stream: np.random.Generator) -> Bytes:
    """A part of the picture, as SimCLR's crops are: a share of its area, somewhere in it.

    The picture is looked at as the square that it will be, so sides are shares of its sides. What
    would be longer than a side is as long as it. The part is resized as whole pictures are.
    """
    area = stream.uniform(config.area_low, config.area_high)
    longer = float(np.exp(stream.uniform(-LONGER, LONGER)))
    spans = []
    for length, share in zip(pixels.shape, (area / longer, area * longer), strict=False):
        taken = max(1, round(length * min(1.0, float(np.sqrt(share)))))
        start = int(stream.random() * (length - taken + 1))
        spans.append(slice(start, start + taken))
    return pixels[spans[0], spans[1]]


def draw_corners(stream: np.random.Generator, size: int, amount: float) -> Floats:
    """The corners (x, y) of what will fill the crop: each moved inwards by up to amount / 2."""
    inwards = stream.random((4, 2)) * (amount / 2)
    return np.abs(_CORNERS - inwards) * size


_CORNERS = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])  # clockwise from top left


def perspective_of(corners: Floats, size: int) -> Matrix:
    """The matrix that pulls these four points into the corners of the crop."""
    whole = (_CORNERS * size).astype(np.float32)
    return np.asarray(cv2.getPerspectiveTransform(corners.astype(np.float32), whole), np.float64)


def matrix_of(placement: Placement, height: int, width: int) -> Matrix:
    """From pixels of the picture (height, width) to pixels of the crop, all steps in one."""
    across, down = placement.resized / width, placement.resized / height
    left, top = placement.crop
    matrix: Matrix = np.array(
        [
            [across, 0.0, across / 2 - 0.5 - left],  # pixel centres: (x + 1/2) * across - 1/2
            [0.0, down, down / 2 - 0.5 - top],
            [0.0, 0.0, 1.0],
        ]
    )
    last = placement.size - 1
    for row, flipped in enumerate(placement.flipped):
        if flipped:
            matrix[row] *= -1
            matrix[row, 2] += last
    turn = np.deg2rad(placement.rotation)
    matrix = _about_centre(np.cos(turn), np.sin(turn), -np.sin(turn), np.cos(turn), last) @ matrix
    along_x, along_y = (float(np.tan(np.deg2rad(angle))) for angle in placement.shear)
    sheared = _about_centre(1, along_x, along_y, 1, last)
    matrix = sheared @ _about_centre(placement.scale, 0, 0, placement.scale, last) @ matrix
    matrix[:2, 2] += placement.shift
    if placement.corners is not None:
        matrix = perspective_of(placement.corners, placement.size) @ matrix
    return matrix


def warp(pixels: Bytes, matrix: Matrix, size: int, border: int) -> Bytes:
    """uint8 RGB (H, W, 3) -> (size, size, 3), bilinear.

    By way of a fourth channel: OpenCV warps four at once in three fifths of the time of three.
    """
    four = cv2.cvtColor(pixels, cv2.COLOR_RGB2RGBA)
    if matrix[2, 0] == 0 == matrix[2, 1]:
        warped = cv2.warpAffine(four, matrix[:2], (size, size), borderMode=border)
    else:
        warped = cv2.warpPerspective(four, matrix, (size, size), borderMode=border)
    return np.asarray(cv2.cvtColor(warped, cv2.COLOR_RGBA2RGB), np.uint8)


def border_of(config: AugmentConfig) -> int:
    """OpenCV's number for what lies beyond the edge."""
    return cv2.BORDER_REFLECT_101 if config.border == "mirror" else cv2.BORDER_CONSTANT


def _around(stream: np.random.Generator, reach: float) -> float:
    return (2 * stream.random() - 1) * reach


def _about_centre(a: float, b: float, c: float, d: float, last: float) -> Matrix:
    """The linear map [[a, b], [c, d]] about the centre of a crop whose last pixel is this."""
    centre = last / 2
    return np.array(
        [
            [a, b, centre * (1 - a - b)],
            [c, d, centre * (1 - c - d)],
            [0.0, 0.0, 1.0],
        ]
    )
