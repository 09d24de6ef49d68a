"""The recipe's `[features]` section: which families of columns, over which groupings.

A family is a named group of columns; what a source lacks is left out by the state, not here.
"""

from typing import Annotated, Any

from pydantic import Field, field_validator

from features.families import FAMILIES
from features.settings import FeatureSettings
from workspace.choices import one_of

FAMILY_NAMES = tuple(family.name for family in FAMILIES)


class FeatureConfig(FeatureSettings):
    """The settings, with families out of those that there are."""

    families: tuple[Annotated[str, one_of(lambda: FAMILY_NAMES)], ...] = Field(
        default=tuple(family.name for family in FAMILIES if not family.on_request), strict=False
    )

    @field_validator("families")
    @classmethod
    def _each_family_once(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(names)) != len(names):
            raise ValueError("names something twice")
        if not names:
            raise ValueError("must name a family")
        return tuple(sorted(names, key=FAMILY_NAMES.index))

    def used(self) -> dict[str, Any]:
        """The values that these families look at: others may change without another result."""
        chosen = [family for family in FAMILIES if family.name in self.families]
        settings = {family.setting for family in chosen if family.setting}
        return self.model_dump(mode="json", include={"families", *settings})
