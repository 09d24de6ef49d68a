"""The old names of `models.input.transforms`."""

from models.input.transforms import Transform as View
from models.input.transforms import make_transform as make_view

__all__ = ["View", "make_view"]
