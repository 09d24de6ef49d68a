"""Groups of diagnoses: which of them each row is of, from the sample table alone."""

from collections.abc import Mapping, Sequence
from typing import Annotated

import polars as pl
from pydantic import Field

from workspace.arrays import Ints
from workspace.errors import DataError, name_some

Listed = Annotated[tuple[str, ...], Field(strict=False, min_length=1)]
NONE = -1  # a row of no group


def lists_of(diagnosis: str, lists: Mapping[str, Sequence[str]]) -> list[int]:
    """Numbers of the lists that have this diagnosis whole, or a step of it if it is a path."""
    steps = {diagnosis, *diagnosis.split("::")}
    return [number for number, names in enumerate(lists.values()) if steps & set(names)]


def group_codes(
    diagnosis: pl.Series, asked: pl.Series, groups: Mapping[str, Sequence[str]], where: str
) -> Ints:
    """(rows,): the group's number, of rows that are asked for and whose diagnosis one lists.

    `where` is what a recipe calls the groups.
    """
    filled = diagnosis.fill_null("")
    known = filled.filter(asked).unique().sort().to_list()
    code = {name: _group_of(name, groups, where) for name in known}
    found = filled.replace_strict(code, default=NONE, return_dtype=pl.Int64)
    codes: Ints = found.set(~asked, NONE).to_numpy()
    return codes


def refuse_shared(where: str, groups: Mapping[str, Sequence[str]]) -> None:
    """One diagnosis in two groups, or twice in one."""
    listed = [diagnosis for names in groups.values() for diagnosis in names]
    if len(set(listed)) != len(listed):
        raise ValueError(f"{where} lists one diagnosis twice")


def _group_of(diagnosis: str, groups: Mapping[str, Sequence[str]], where: str) -> int:
    found = lists_of(diagnosis, groups)
    if len(found) > 1:
        names = [list(groups)[number] for number in found]
        raise DataError(f"Diagnosis {diagnosis} is of {name_some(names)}; mend {where}.")
    return found[0] if found else NONE
