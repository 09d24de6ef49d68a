"""Seven invented hospitals: their size, their camera and how often they photograph a cancer.

Nothing is read; `HOSPITALS` is what the cohort, the table and the painter share.
"""

from dataclasses import dataclass

import numpy as np

from workspace.arrays import Floats, Ints


@dataclass(frozen=True)
class Hospital:
    """A colour cast in CIELAB units, a focus blur and JPEG's quality make up the camera."""

    name: str
    patients: int  # weight
    malignancy: int  # weight of its patients when malignant lesions are assigned
    tile_type: str
    cast: tuple[float, float, float]  # added to L, a, b
    blur_px: float
    quality: int
    white_share: int  # per cent of its patients under the other lighting


HOSPITALS = (
    Hospital("Synthetic Hospital A", 28, 12, "3D: white", (-1.5, 1.2, -2.2), 0.45, 90, 96),
    Hospital("Synthetic Hospital B", 21, 10, "3D: XP", (2.5, -1.2, 2.0), 0.55, 88, 0),
    Hospital("Synthetic Hospital C", 17, 12, "3D: XP", (-3.0, 1.8, 3.0), 0.40, 90, 10),
    Hospital("Synthetic Hospital D", 13, 8, "3D: XP", (3.0, -0.6, -3.0), 0.70, 86, 0),
    Hospital("Synthetic Hospital E", 9, 7, "3D: XP", (0.0, 2.6, 0.5), 0.50, 92, 0),
    Hospital("Synthetic Hospital F", 7, 9, "3D: XP", (-2.0, -2.0, -0.5), 0.60, 87, 0),
    Hospital("Synthetic Hospital G", 5, 6, "3D: XP", (1.0, 0.4, 3.4), 0.50, 89, 0),
)


def weights(field: str) -> Ints:
    """One whole-number field of every hospital, in order."""
    return np.array([getattr(hospital, field) for hospital in HOSPITALS], dtype=np.int64)


def casts() -> Floats:
    """(hospitals, 3): what each camera adds to L, a and b."""
    return np.array([hospital.cast for hospital in HOSPITALS], dtype=np.float64)
