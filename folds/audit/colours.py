"""The mean colour of a picture, read back from its fingerprint: nothing is decoded again for it.

The last three numbers of a key are brightness and two tints, each a known function of the mean red,
green and blue of the picture at 32 x 32. Pictures darker than grey level 8 read as 8.
"""

import numpy as np

from folds.audit.fingerprint import COLOUR_WOBBLE
from workspace.arrays import Floats, Floats32


def mean_colours(keys: Floats32) -> Floats:
    """(pictures, K) keys to (pictures, 3): mean red, green and blue, 0 to 255."""
    brightness, red, blue = (keys[:, -3:].astype(np.float64) * COLOUR_WOBBLE).T
    grey = 128 * np.exp(brightness / 128)
    over, under = red * grey / 128, blue * grey / 128  # red and blue less green
    green = grey - (over + under) / 3
    return np.stack([green + over, green, green + under], axis=1)
