"""The numbers of a table as they stand, and beside each its z-score among the patient's lesions.

What the features of family `z` are made from, by the same functions, before anything is fitted.
"""

from dataclasses import dataclass

import polars as pl

from features.request import NOT_RELATIVE
from features.rows import Rows
from features.state import columns_of
from folds.schema import ID, PATIENT
from workspace.arrays import Floats


@dataclass(frozen=True)
class Number:
    """A column (rows,) by id, NaN where missing; `relative` is None where comparing says nothing.

    That is a place on the body or an angle, and everything where no patient is known.
    """

    name: str
    values: Floats
    relative: Floats | None


def numbers_beside(samples: pl.DataFrame) -> tuple[pl.Series, list[Number]]:
    """The ids in order, and every number of the sample table in the order of their names."""
    kinds = {name: kind for name, kind in columns_of(samples).items() if kind != "category"}
    rows = Rows(samples, kinds, {})
    compared = PATIENT in kinds
    numbers = [
        Number(
            name, rows.values(name),
            rows.z(name, "patient") if compared and name not in NOT_RELATIVE else None,
        )
        for name, kind in kinds.items()
        if kind == "number"
    ]  # fmt: skip
    return rows.frame[ID], numbers
