"""Codes of categories, numbered by the levels of a fold's training rows alone.

The feature table numbers the levels of all rows. Were that number fitted on, a level that only a
held-out row has would move the others. A level unseen in training is to a fold what an unseen word
is to the features: unknown, code 0, the same as no word; where training has none of that, -1.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stacking.matrix import Values

PREFIX = "cat_"  # of the columns that hold codes
UNKNOWN = 0  # the code in the feature table
NOWHERE = -1


@dataclass(frozen=True)
class Levels:
    """The codes that training rows have, column by column, in order."""

    known: dict[str, list[float]]

    def encoded(self, codes: Values, columns: Sequence[str]) -> Values:
        """The codes (rows, columns) as their places among the known ones."""
        result = np.empty_like(codes)
        for place, name in enumerate(columns):
            known = np.array([*self.known[name], np.inf], dtype=np.float32)
            at = np.searchsorted(known, codes[:, place]).clip(max=len(known) - 1)
            unknown = 0 if known[0] == UNKNOWN else NOWHERE
            result[:, place] = np.where(known[at] == codes[:, place], at, unknown)
        return result


@contextmanager
def in_levels(values: Values, columns: Sequence[str], levels: Levels) -> Iterator[None]:
    """While it lasts, the codes of a matrix are those of a fold; nothing is copied but they."""
    places = categories(columns)
    codes = values[:, places]
    values[:, places] = levels.encoded(codes, [columns[place] for place in places])
    try:
        yield
    finally:
        values[:, places] = codes


def categories(columns: Sequence[str]) -> list[int]:
    """Where the columns of codes are."""
    return [place for place, name in enumerate(columns) if name.startswith(PREFIX)]


def fit_levels(values: Values, columns: Sequence[str], training: NDArray[np.bool_]) -> Levels:
    """The levels of the columns of codes among the training rows."""
    known = {}
    for place in categories(columns):
        levels = np.unique(values[training, place])
        known[columns[place]] = levels[~np.isnan(levels)].tolist()
    return Levels(known)
