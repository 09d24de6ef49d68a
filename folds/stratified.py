"""Groups dealt into parts of equal size and equal shares of each class, whole groups each.

Reads rows that are sorted by id, with their groups; says in the recipe's own words what it lacks.
"""

from collections.abc import Collection
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
    _check_enough(rows, classes, parts, seed)
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


def _drawable(y: Ints, group: Ints, parts: Parts, seed: int, most: int = 100) -> int | None:
    """The most parts of which each would hold every class."""
    for number in parts.fewer():
        if number <= most and _without_a_class(y, _draw(y, group, number, seed), number) is None:
            return number
    return None


def _codes(values: pl.Series) -> Ints:
    """Ranks of the sorted distinct values: the same codes whatever order the rows come in."""
    return values.rank("dense").to_numpy().astype(np.int64) - 1


def _check_known(rows: pl.DataFrame, classes: pl.Series) -> None:
    if classes.null_count():
        missing = rows.filter(classes.is_null()).get_column(ID).to_list()
        raise DataError(f"Missing class to stratify by for images: {listed(missing)}.")


def _check_enough(rows: pl.DataFrame, classes: pl.Series, parts: Parts, seed: int) -> None:
    """A group for each part, and one with each class."""
    groups, by_class = rows[GROUP].n_unique(), _groups_by_class(rows, classes)
    lacking = _lacking(groups, by_class, parts)
    if not lacking:
        return
    words, found = lacking
    most = min(groups, *by_class.values())  # a number that is refused in its turn is no mend
    number = _drawable(_codes(classes), _codes(rows[GROUP]), parts, seed, most)
    take = _take(number, parts)
    if not _are_targets(by_class) and (groups >= parts.number or number is None):
        take = f"{take[:-1]}, or stratify by the target with folds.stratify=target."
    needs = f"{parts.said()} needs at least {parts.number} {noun_of(rows)}s{parts.besides}"
    raise DataError(f"{needs}{words}; {found}. {take}", public=f"{needs}{words}. {take}")


def _groups_by_class(rows: pl.DataFrame, classes: pl.Series) -> dict[str, int]:
    """How many groups have each class; of a target that nobody has, none."""
    found = dict(rows.select(classes.alias("c"), GROUP).unique().group_by("c").len().iter_rows())
    return {"1": 0, "0": 0} | found if _are_targets(found) else found


def _are_targets(classes: Collection[str]) -> bool:
    return set(classes) <= {"0", "1"}


def _lacking(groups: int, by_class: dict[str, int], parts: Parts) -> tuple[str, str] | None:
    """Of whom there are too few, and how many there are; None if there are enough."""
    if groups < parts.number:
        return "", f"found {groups}"
    scarce = {name: count for name, count in by_class.items() if count < parts.number}
    if not scarce:
        return None
    if _are_targets(by_class):
        name, count = next(iter(scarce.items()))
        return f" with a {'positive' if name == '1' else 'negative'}", f"found {count}"
    shown = name_some([f"{name} has {scarce[name]}" for name in sorted(scarce)])
    return " with each diagnosis", shown


def _take(number: int | None, parts: Parts) -> str:
    """The mend: what to type instead."""
    if number is None:
        return "No smaller number of parts would do; add data, or take another folds.scheme."
    return f"Take {parts.said(number)}."
