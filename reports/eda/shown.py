"""The pictures that the page shows, where the recipe lets it: addresses that hold them."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Thumb:
    """A small picture by its id."""

    name: str
    address: str


@dataclass(frozen=True)
class Cell:
    """Pictures of one class and hospital (or diagnosis), and how many of how many."""

    words: str
    thumbs: tuple[Thumb, ...]


@dataclass(frozen=True)
class Shown:
    """The contact sheet, and the pictures of pairs by id."""

    sheet: tuple[Cell, ...]
    pairs: Mapping[str, str]
