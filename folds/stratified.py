"""Groups dealt into parts of equal size and equal shares of each class, whole groups each.

Reads rows that are sorted by id, with their groups; says in the recipe's own words what it lacks.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from folds.groups import GROUP
from folds.samples import GROUP_COLUMNS
from folds.schema import DIAGNOSIS, ID, SPLIT, TARGET
from workspace.arrays import Ints
from workspace.errors import DataError, listed, name_some

PLACED = (ID, GROUP, SPLIT)
N_FOLDS = "folds.n_folds"
PLAIN = (2, 4, 5, 10, 20, 25, 50, 100)  # parts whose share is written with two digits


@dataclass(frozen=True)
class Parts:
    """How many parts there are, and the recipe's key that says so."""

    number: int
    key: str = N_FOLDS  # any other is a share: one over the number
    besides: str = ""  # whom they do not count

    def said(self, number: int | None = None) -> str:
        """As it is typed."""
        number = number or self.number
        return f"{self.key}={number if self.key == N_FOLDS else f'{1 / number:g}'}"

    def fewer(self) -> list[int]:
        """What else could be asked for, the most parts first."""
        some = range(2, self.number) if self.key == N_FOLDS else PLAIN
        return [number for number in reversed(some) if number < self.number]


def deal_groups(rows: pl.DataFrame, parts: Parts, stratify: str, seed: int) -> pl.DataFrame:
    """Stratified group k-fold of rows that are sorted by id, on integer codes."""
    classes = rows[DIAGNOSIS if stratify == "diagnosis" else TARGET].cast(pl.String)
    _check_known(rows, classes)
    _check_enough(rows, classes, parts)
    y, group = _codes(classes), _codes(rows[GROUP])
    fold = _draw(y, group, parts.number, seed)
    if empty := _without_a_class(y, fold, parts.number):
        code, number = empty
        raise DataError(
            f"Fold {number} of {parts.number} would hold no row of class "
            f"'{classes.unique().sort()[code]}', since few {noun_of(rows)}s hold most of them. "
            f"{_take(_drawable(y, group, parts, seed), parts)}"
        )
    return rows.select(*PLACED).with_columns(pl.Series("fold", fold))


def noun_of(rows: pl.DataFrame) -> str:
    """What the groups are, in a person's words: a joined group has the name of its first."""
    for noun, column in GROUP_COLUMNS.items():
        if rows[GROUP].is_in(rows[column].drop_nulls().implode()).all():
            return noun
    return "image"


def _draw(y: Ints, group: Ints, n_folds: int, seed: int) -> np.ndarray[Any, np.dtype[np.int16]]:
    # Imported here because it takes longer than all else a stage does when nothing is to be done.
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold  # noqa: PLC0415 - slow to import, and only here

    # Rows that are all groups of one need no grouping, and the grouped splitter is slow on many.
    alone = len(np.unique(group)) == len(group)
    splitter = (StratifiedKFold if alone else StratifiedGroupKFold)(
        n_folds, shuffle=True, random_state=seed
    )
    fold = np.full(len(y), -1, np.int16)
    splits = splitter.split(np.zeros((len(y), 1)), y, None if alone else group)
    for number, (_, held_out) in enumerate(splits):
        fold[held_out] = number
    assert (fold >= 0).all(), "every row is held out once"
    return fold


def _without_a_class(
    y: Ints, fold: np.ndarray[Any, np.dtype[np.int16]], n_folds: int
) -> tuple[int, int] | None:
    """A class and a fold without it; scikit-learn looks at the spread over all folds alone."""
    for code in range(int(y.max()) + 1):
        if empty := sorted(set(range(n_folds)) - set(fold[y == code].tolist())):
            return code, empty[0]
    return None


def _drawable(y: Ints, group: Ints, parts: Parts, seed: int) -> int | None:
    """The most parts of which each would hold every class."""
    for number in parts.fewer():
        if _without_a_class(y, _draw(y, group, number, seed), number) is None:
            return number
    return None


def _codes(values: pl.Series) -> Ints:
    """Ranks of the sorted distinct values: the same codes whatever order the rows come in."""
    return values.rank("dense").to_numpy().astype(np.int64) - 1


def _check_known(rows: pl.DataFrame, classes: pl.Series) -> None:
    if classes.null_count():
        missing = rows.filter(classes.is_null()).get_column(ID).to_list()
        raise DataError(f"Missing class to stratify by for images: {listed(missing)}.")


def _check_enough(rows: pl.DataFrame, classes: pl.Series, parts: Parts) -> None:
    """A group for each part, and one with each class."""
    nouns = f"{noun_of(rows)}s"
    needs = f"{parts.said()} needs at least {parts.number} {nouns}{parts.besides}"
    found = rows[GROUP].n_unique()
    if found < parts.number:
        raise DataError(f"{needs}; found {found}. {_take(_at_most(found, parts), parts)}")
    groups_of = dict(
        rows.select(classes.alias("c"), GROUP).unique().group_by("c").len().iter_rows()
    )
    if set(groups_of) <= {"0", "1"}:
        for name, words in (("1", "a positive"), ("0", "a negative")):
            found = groups_of.get(name, 0)
            if found < parts.number:
                take = _take(_at_most(found, parts), parts)
                raise DataError(f"{needs} with {words}; found {found}. {take}")
    scarce = sorted(name for name, count in groups_of.items() if count < parts.number)
    if scarce:
        shown = name_some([f"{name} has {groups_of[name]}" for name in scarce])
        take = _take(_at_most(min(groups_of.values()), parts), parts)
        raise DataError(
            f"{needs} with each diagnosis; {shown}. {take[:-1]}, or stratify by the target with "
            "folds.stratify=target."
        )


def _at_most(found: int, parts: Parts) -> int | None:
    """The most parts that so many groups fill."""
    return next((number for number in parts.fewer() if number <= found), None)


def _take(number: int | None, parts: Parts) -> str:
    """The mend: what to type instead."""
    if number is None:
        return "No smaller number of parts would do; add data, or take another folds.scheme."
    return f"Take {parts.said(number)}."
