"""One column of the feature table: its name, what it says, what it reads and how it is made.

Every family lists its columns as these; the catalogue, the fit and the build all read one list.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from features.config import Family, Grouping
from folds.schema import HOSPITAL, PATIENT, SITE

if TYPE_CHECKING:
    from features.rows import Rows

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Kind = Literal["number", "category", "key"]  # of a source column; a key only groups

# The column that, beside the patient, makes a group; null is a group of its own within a patient.
GROUPED_BY: dict[Grouping, str | None] = {
    "patient": None,
    "location": "tbp_lv_location",
    "location_simple": "tbp_lv_location_simple",
    "site": SITE,
    "tile": "tbp_tile_type",
    "hospital": HOSPITAL,
}

# Where a column was read. Places are those of the private leaderboard of ISIC 2024.
FIRST_TEN = "ISIC 2024: 1st, 2nd, 3rd, 4th, 10th place"
SECOND_TENTH = "ISIC 2024: 2nd, 10th place"
SECOND = "ISIC 2024: 2nd place"
TENTH = "ISIC 2024: 10th place"
GUNES = "ISIC 2024: gunesevitan"
FIRST = "ISIC 2024: 1st place"
OURS = "this project"
TABLE = "the source's table"


@dataclass(frozen=True)
class Feature:
    """A column: `make` computes it for rows that are sorted by id."""

    name: str
    family: Family
    formula: str
    source: str
    inputs: tuple[str, ...]
    make: Callable[["Rows"], Floats | Ints]
    sign: str = ""  # which letters of the ABCDE rule it speaks to
    base: str = ""  # the column it is taken of, if of one: features of one base are made together

    @property
    def is_code(self) -> bool:
        """Whether it is a category's code rather than a number."""
        return self.family in ("categories", "provenance")


def needs(over: Grouping) -> tuple[str, ...]:
    """The columns that a grouping is made from."""
    column = GROUPED_BY[over]
    return (PATIENT,) if column is None else (PATIENT, column)


def by(over: Grouping) -> str:
    """What a grouping adds to a column's name."""
    return "" if over == "patient" else f"__by_{over}"


def of_whom(over: Grouping) -> str:
    """How a grouping reads in a formula."""
    return "the patient's lesions" if over == "patient" else f"the patient's lesions of one {over}"
