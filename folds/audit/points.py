"""Whether two pictures show the same points of skin, turned by any angle, from nearer or further.

Reads decoded pixels. The overlay of `folds.audit.overlay` needs two pictures that nearly cover one
another; here single points (corners of pigment, hairs, vessels) are described by what lies around
them (SIFT), matched, and counted where one turn, scale and shift explains them all (RANSAC).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from workspace.arrays import Bytes, Floats32, Ints
from workspace.lazy import LazyModule

cv2 = LazyModule("cv2")

SIDE: Final = (
    200  # px of the longer side, which SIFT doubles; with 400 a picture takes three times as long
)
POINTS: Final = 256  # of a picture, the strongest
LEAST_CONTRAST: Final = 0.01  # of a point; skin is smooth, OpenCV's own .04 leaves some ten
LOCAL_CONTRAST: Final = (3.0, (6, 6))  # CLAHE's limit and tiles
RATIO: Final = 0.85  # between the nearest and the next: what is like many says nothing
LEAST_MATCHES: Final = 6
WITHIN: Final = 3.0  # px that a point may lie off where the others say
SCALES: Final = (0.5, 2.0)  # beyond, all matches fall onto one point
ROUNDS: Final = 1000


@dataclass(frozen=True, eq=False)
class Points:
    """Where they lie (P, 2), and what lies around them (P, 128): roots of shares, of 1 as 255."""

    positions: Floats32
    descriptors: Bytes


def points_of(pixels: Bytes) -> Points:
    """(H, W, 3) RGB -> its points."""
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    share = SIDE / max(grey.shape)
    way = cv2.INTER_CUBIC if share > 1 else cv2.INTER_AREA
    grey = cv2.resize(grey, None, fx=share, fy=share, interpolation=way)
    grey = cv2.createCLAHE(*LOCAL_CONTRAST).apply(grey)
    finder = cv2.SIFT_create(nfeatures=POINTS, contrastThreshold=LEAST_CONTRAST)
    found, descriptors = finder.detectAndCompute(grey, None)
    if not found:
        return Points(np.zeros((0, 2), np.float32), np.zeros((0, 128), np.uint8))
    # The root of each (Arandjelovic and Zisserman, 2012): large gradients weigh less.
    descriptors = np.sqrt(descriptors / np.maximum(descriptors.sum(axis=1, keepdims=True), 1e-6))
    positions = np.array([one.pt for one in found], np.float32)
    return Points(positions, np.rint(255 * descriptors).astype(np.uint8))


def agreeing_points(one: Points, other: Points) -> int:
    """How many points of both lie where one turn, scale and shift puts them."""
    here, there = _matches(one.descriptors, other.descriptors)
    if len(here) < LEAST_MATCHES:
        return 0
    moved, agreeing = cv2.estimateAffinePartial2D(
        one.positions[here], other.positions[there], method=cv2.RANSAC,
        ransacReprojThreshold=WITHIN, maxIters=ROUNDS,
    )  # fmt: skip
    if moved is None or not SCALES[0] < np.hypot(*moved[0, :2]) < SCALES[1]:
        return 0
    return int(agreeing.sum())


def _matches(one: Bytes, other: Bytes) -> tuple[Ints, Ints]:
    """Each point with the one that is most alike, where the next is much less so."""
    if len(one) < 2 or len(other) < 2:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    alike = _unit(one) @ _unit(other).T
    two = np.argpartition(-alike, 1, axis=1)[:, :2]
    best = np.take_along_axis(alike, two, axis=1)
    near, next_ = (np.sqrt(np.maximum(2 - 2 * best[:, at], 0)) for at in (0, 1))
    here = np.flatnonzero(near < RATIO * next_)
    return here, two[here, 0]


def _unit(descriptors: Bytes) -> Floats32:
    wide = descriptors.astype(np.float32)
    unit: Floats32 = wide / np.linalg.norm(wide, axis=1, keepdims=True)
    return unit
