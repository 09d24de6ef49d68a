"""The truth a submission is held against, with what it says of each row's patient.

Reads the competition's solution (isic_id, target), or a training table, which has them too.
"""

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from folds.findings import Findings, plural
from folds.schema import (
    AGE,
    HOSPITAL,
    ID,
    PATIENT,
    SEX,
    SITE,
    TARGET,
    category,
    identifier,
    label,
    number,
)
from folds.sources.isic2024_columns import ATTRIBUTION
from folds.spellings import join_spellings
from folds.tables import parse_numbers, read_table
from workspace.errors import listed

LIGHTNESS, YELLOWNESS = "tbp_lv_Lext", "tbp_lv_Bext"  # of the skin around the lesion
COLUMNS = (
    identifier(ID),
    label(TARGET),
    identifier(PATIENT, required=False),
    category(SEX, required=False),
    number(AGE, required=False),
    category(SITE, required=False),
    category(ATTRIBUTION, required=False),
    number(LIGHTNESS, required=False),
    number(YELLOWNESS, required=False),
)


@dataclass(frozen=True)
class Solution:
    """One row an image: id, target as 0 or 1, and what the file knows beyond them."""

    rows: pl.DataFrame
    has_patients: bool


def read_solution(path: Path, findings: Findings) -> Solution:
    """The solution sorted by id; its faults are errors that show no label."""
    frame = read_table(path, COLUMNS, Findings())  # columns beyond these are no one's concern here
    frame = parse_numbers(frame, COLUMNS, ID, path.name, findings)
    frame = frame.rename({ATTRIBUTION: HOSPITAL})
    ids = frame[ID].fill_null("")
    if repeated := ids.filter(ids.is_duplicated()).unique().sort().to_list():
        findings.error(
            "duplicate", f"Duplicate image rows detected in {path.name}: {listed(repeated)}."
        )
    if empty := int((ids.str.strip_chars() == "").sum()):
        findings.error(
            "no-id", f"Missing {ID} in {path.name}: {plural(empty, 'row')}.", count=empty
        )
    target = frame[TARGET].cast(pl.Float64, strict=False)
    wrong = frame.filter(~target.is_in([0.0, 1.0]).fill_null(value=False))
    if len(wrong):
        findings.error(
            "target",
            f"Target must be 0 or 1 in {path.name}; it is neither for images: "
            f"{listed(wrong[ID].to_list())}.",
            wrong[ID].to_list(),
        )
    rows = _with_patients(frame.with_columns(target.alias(TARGET)), path.name, findings)
    return Solution(rows.sort(ID), rows[PATIENT].null_count() < len(rows))


def _with_patients(frame: pl.DataFrame, name: str, findings: Findings) -> pl.DataFrame:
    """Patients told apart as folds tell them, so that an interval draws those that were split.

    Some rows of nobody are refused, since they are no patient; of all rows that is a notice.
    """
    rows = join_spellings(frame, findings, [PATIENT])
    nobody = rows.filter(pl.col(PATIENT).is_null())[ID].to_list()
    if nobody and len(nobody) < len(rows):
        findings.error(
            "patient", f"Missing {PATIENT} in {name} for images: {listed(nobody)}.", nobody
        )
    words = frame[PATIENT].drop_nulls().unique().sort().to_list()
    if words and len(nobody) == len(rows):
        said = listed([repr(word) for word in words])
        findings.notice("no-patient", f"No {PATIENT} in {name} names a patient: {said}.")
    return rows
