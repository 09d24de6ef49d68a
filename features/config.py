"""The recipe's `[features]` section: which families of columns, over which groupings.

A family is a named group of columns; what a source lacks is left out by the state, not here.
"""

from collections.abc import Mapping
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, field_validator

Family = Literal[
    "raw",
    "categories",
    "provenance",
    "lesion",
    "colour_pairs",
    "z",
    "ranks",
    "ugly_duckling",
    "counts",
    "aggregates",
    "context",
    "outlier",
]
Grouping = Literal["patient", "location", "location_simple", "site", "tile", "hospital"]
Columns = Literal["core", "main", "all"]

FAMILIES: tuple[Family, ...] = get_args(Family)
GROUPINGS: tuple[Grouping, ...] = get_args(Grouping)
# Left out unless asked for: what tells the hospital, 50 colour pairs, 264 aggregates.
ON_REQUEST = ("provenance", "colour_pairs", "aggregates")


class FeatureConfig(BaseModel):
    """Families to switch on; a column set for each grouping that a family is computed over.

    `core` is a dozen columns that matter most, `main` all that differ within a patient and are no
    multiples of one another, `all` every number there is.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    families: tuple[Family, ...] = Field(
        default=tuple(name for name in FAMILIES if name not in ON_REQUEST), strict=False
    )
    z_over: dict[Grouping, Columns] = {"patient": "main", "location": "core"}
    ranks_over: dict[Grouping, Columns] = {"patient": "core"}
    ugly_over: tuple[Grouping, ...] = Field(default=("patient", "location"), strict=False)
    aggregates_over: dict[Grouping, Columns] = {"patient": "core", "site": "core"}

    @field_validator("families", "ugly_over")
    @classmethod
    def _once_each(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(names)) != len(names):
            raise ValueError("names something twice")
        order = (*FAMILIES, *GROUPINGS)
        return tuple(sorted(names, key=order.index))

    @field_validator("families")
    @classmethod
    def _some(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if not names:
            raise ValueError("must name a family")
        return names

    @field_validator("z_over", "ranks_over", "aggregates_over")
    @classmethod
    def _in_order(cls, over: Mapping[Grouping, Columns]) -> dict[Grouping, Columns]:
        return {name: over[name] for name in GROUPINGS if name in over}

    def used(self) -> dict[str, Any]:
        """The values that these families look at: others may change without another result."""
        looked_at = {
            "z": "z_over",
            "ranks": "ranks_over",
            "ugly_duckling": "ugly_over",
            "aggregates": "aggregates_over",
        }
        names = [field for family, field in looked_at.items() if family in self.families]
        return self.model_dump(mode="json", include={"families", *names})
