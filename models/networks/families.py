"""Which family each row's diagnosis is of: an auxiliary target, from the sample table."""

from collections.abc import Mapping, Sequence

import polars as pl

from folds.schema import DIAGNOSIS
from models.networks.auxiliary import AuxiliaryTarget
from models.networks.diagnoses import group_codes
from workspace.arrays import Ints
from workspace.errors import DataError, name_some


def families_of(
    name: str, rows: pl.DataFrame, families: Mapping[str, Sequence[str]], weight: float
) -> tuple[AuxiliaryTarget, ...]:
    """What a recipe's families make of these rows: one target, or none where it lists none."""
    if not families:
        return ()
    codes = family_codes(name, rows, families)
    return (AuxiliaryTarget("families", codes, tuple(sorted(families)), weight),)


def family_codes(name: str, rows: pl.DataFrame, families: Mapping[str, Sequence[str]]) -> Ints:
    """(rows,): the family's number, of rows of either target with a listed diagnosis; else NONE.

    Numbers are by name: the recipe's order is nothing that a manifest would keep.
    """
    ordered, where = dict(sorted(families.items())), f"networks.{name}.task.families"
    everyone = pl.repeat(value=True, n=len(rows), eager=True)
    codes = group_codes(rows[DIAGNOSIS], everyone, ordered, where)
    absent = [family for code, family in enumerate(ordered) if not (codes == code).any()]
    if absent:
        known = sorted(rows[DIAGNOSIS].drop_nulls().unique().to_list())
        raise DataError(
            f"No row has a diagnosis of {name_some(absent)}; mend {where}. There are "
            f"{name_some([diagnosis for diagnosis in known if diagnosis])}."
        )
    return codes
