"""What arrays are called in signatures; their shapes stand in the docstrings."""

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]
Bools = NDArray[np.bool_]
Bytes = NDArray[np.uint8]  # pixels
