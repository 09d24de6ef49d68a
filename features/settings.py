"""What a recipe may say about features, whatever families there are."""

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, Field, field_validator

from features.columns import GROUPINGS, Columns, Grouping


class FeatureSettings(BaseModel):
    """Families to switch on; a column set for each grouping that a family is computed over.

    `core` is a dozen columns that matter most, `main` all that differ within a patient and are no
    multiples of one another, `all` every number there is.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    families: tuple[str, ...]
    z_over: dict[Grouping, Columns] = {"patient": "main", "location": "core"}
    ranks_over: dict[Grouping, Columns] = {"patient": "core"}
    ugly_over: tuple[Grouping, ...] = Field(default=("patient", "location"), strict=False)
    aggregates_over: dict[Grouping, Columns] = {"patient": "core", "site": "core"}

    @field_validator("ugly_over")
    @classmethod
    def _each_grouping_once(cls, names: tuple[Grouping, ...]) -> tuple[Grouping, ...]:
        if len(set(names)) != len(names):
            raise ValueError("names something twice")
        return tuple(sorted(names, key=GROUPINGS.index))

    @field_validator("z_over", "ranks_over", "aggregates_over")
    @classmethod
    def _in_order(cls, over: Mapping[Grouping, Columns]) -> dict[Grouping, Columns]:
        return {name: over[name] for name in GROUPINGS if name in over}
