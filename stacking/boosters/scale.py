"""Columns as models that add and multiply need them: near 0, none missing, categories apart.

Numbers are standardised by the training rows, a gap is their mean, a category has a column of its
own. What comes out of it is called a design.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stacking.category_codes import PREFIX
from workspace.arrays import Floats, Floats32, Ints

FURTHEST = 10.0  # standard deviations from the mean that a value counts as, at most


@dataclass(frozen=True)
class Scale:
    """What makes the columns of a design of those of the matrix; lists, as JSON has them."""

    columns: list[str]
    means: list[float]  # of numbers; 0 for categories
    spreads: list[float]  # a constant column's is 1: it is 0 then
    codes: list[list[float]]  # of each category column; empty for numbers

    @property
    def width(self) -> int:
        return sum(len(codes) or 1 for codes in self.codes)

    @property
    def owners(self) -> Ints:
        """(design columns,): of which column each is made."""
        return np.repeat(np.arange(len(self.columns)), [len(codes) or 1 for codes in self.codes])

    def design(self, values: Floats32) -> Floats:
        """(rows, design columns): near 0, and none missing."""
        made = np.empty((len(values), self.width))
        at = 0
        for number, codes in enumerate(self.codes):
            column = values[:, number].astype(np.float64)
            if codes:
                made[:, at : at + len(codes)] = column[:, None] == np.array(codes)
                at += len(codes)
                continue
            z = (column - self.means[number]) / self.spreads[number]
            made[:, at] = np.nan_to_num(z.clip(-FURTHEST, FURTHEST), nan=0.0)
            at += 1
        return made


def scale_of(blocks: Sequence[Floats32], columns: Sequence[str]) -> Scale:
    """Of training rows, a column at a time."""
    means, spreads, codes = [], [], []
    for number, name in enumerate(columns):
        column = np.concatenate([block[:, number] for block in blocks]).astype(np.float64)
        known = column[~np.isnan(column)]
        is_code = name.startswith(PREFIX)
        codes.append(np.unique(known).tolist() if is_code else [])
        plain = len(known) > 0 and not is_code
        means.append(float(known.mean()) if plain else 0.0)
        spread = float(known.std()) if plain else 1.0
        # What is left of a constant by rounding is no spread.
        spreads.append(spread if spread > 1e-6 * abs(means[-1]) else 1.0)
    return Scale(list(columns), means, spreads, codes)
