"""Codes of categories, numbered anew by the training rows of a fold alone.

The feature table numbers the categories of all rows. Were that number fitted on, a category that
only a held-out row has would move the others. One that training never saw is to a fold what an
unseen word is to the features: unknown, code 0, the same as no word; where training has none of
that, -1.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from stacking.matrix import left_out
from workspace.arrays import Bools, Floats32
from workspace.errors import ConfigError, name_some

PREFIX = "cat_"  # of the columns that hold codes
UNKNOWN = 0  # the code in the feature table
NEVER_SEEN = -1  # where training rows have no unknown


@dataclass(frozen=True)
class CategoryCodes:
    """The codes that training rows have, column by column, in order."""

    known: dict[str, list[float]]

    def renumbered(self, codes: Floats32, columns: Sequence[str]) -> Floats32:
        """The codes (rows, columns) as their indices among the known ones."""
        result = np.empty_like(codes)
        for number, name in enumerate(columns):
            known = np.array([*self.known[name], np.inf], dtype=np.float32)
            index = np.searchsorted(known, codes[:, number]).clip(max=len(known) - 1)
            same = known[index] == codes[:, number]
            result[:, number] = np.where(same, index, self.unseen(name))
        return result

    def unseen(self, name: str) -> int:
        """What a category that training never saw is to this column."""
        return 0 if self.known[name][:1] == [UNKNOWN] else NEVER_SEEN


@contextmanager
def renumbered(
    values: Floats32, columns: Sequence[str], category_codes: CategoryCodes
) -> Iterator[None]:
    """While it lasts, the codes in a matrix are those of a fold; nothing is copied but they."""
    indices = code_columns(columns)
    codes = values[:, indices]
    values[:, indices] = category_codes.renumbered(codes, [columns[index] for index in indices])
    try:
        yield
    finally:
        values[:, indices] = codes


def never_seen(values: Floats32, columns: Sequence[str], known: CategoryCodes) -> Bools:
    """(rows, columns): whether the codes are none of the known ones; a gap is no code."""
    unseen = [
        ~np.isnan(codes) & ~np.isin(codes, np.array(known.known[name], dtype=np.float32))
        for name, codes in zip(columns, values.T, strict=True)
    ]
    return np.stack(unseen, axis=1) if unseen else np.zeros(values.shape, dtype=np.bool_)


def blind_columns(columns: Sequence[str], patterns: Sequence[str]) -> list[int]:
    """The indices of the columns of codes that one of the patterns means."""
    return [index for index in code_columns(columns) if left_out(columns[index], patterns)]


def check_blind(columns: Sequence[str], patterns: Sequence[str]) -> None:
    """Refuse a pattern that means no column of codes: a number has no word for unknown."""
    idle = [one for one in patterns if not blind_columns(columns, [one])]
    if idle:
        codes = [columns[index] for index in code_columns(columns)]
        raise ConfigError(
            f"stack.blind names no column of codes: {name_some(idle)}; there are "
            f"{name_some(codes) or 'none here'}. Those of a row's origin come with 'provenance' "
            "among features.families, and stack.leave_out takes codes away."
        )


def blinded(
    blocks: Sequence[Floats32], columns: Sequence[str], names: Sequence[int], codes: CategoryCodes
) -> Floats32:
    """A copy of these rows in which the codes of some columns are unseen."""
    copy = np.concatenate(blocks)
    copy[:, names] = [codes.unseen(columns[index]) for index in names]
    return copy


def code_columns(columns: Sequence[str]) -> list[int]:
    """The indices of the columns of codes."""
    return [index for index, name in enumerate(columns) if name.startswith(PREFIX)]


def fit_category_codes(values: Floats32, columns: Sequence[str], training: Bools) -> CategoryCodes:
    """The codes that the training rows have."""
    known = {}
    for index in code_columns(columns):
        codes = np.unique(values[training, index])
        known[columns[index]] = codes[~np.isnan(codes)].tolist()
    return CategoryCodes(known)
