"""What features are made from: kinds of a table's columns, and the columns that group lesions."""

from typing import Literal, get_args

from folds.schema import HOSPITAL, PATIENT, SITE

Kind = Literal["number", "category", "key"]  # of a source's column; a key only groups
Grouping = Literal["patient", "location", "location_simple", "site", "tile", "hospital"]
Columns = Literal["core", "main", "all"]  # sets of base columns, see FeatureSettings

GROUPINGS: tuple[Grouping, ...] = get_args(Grouping)

# The column that, beside the patient, makes a group; null is a group of its own within a patient.
GROUPED_BY: dict[Grouping, str | None] = {
    "patient": None,
    "location": "tbp_lv_location",
    "location_simple": "tbp_lv_location_simple",
    "site": SITE,
    "tile": "tbp_tile_type",
    "hospital": HOSPITAL,
}


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
