"""What a recipe asks for where certain source columns are there: the base of every family's list.

A base column is a number of the table or a formula of them; z-scores, ranks and aggregates are
taken of base columns.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from features.columns import Columns, Kind
from features.formulas import FORMULAS, SIZE
from features.settings import FeatureSettings

# Compared within a patient, these say nothing: a place on the body, an angle. An age does: it is
# the visit among the patient's visits (docs/LOG.md, "What the public way had that we had not").
NOT_RELATIVE = ("tbp_lv_x", "tbp_lv_y", "tbp_lv_z", "tbp_lv_symm_2axis_angle")

CORE = (
    SIZE,
    "tbp_lv_areaMM2",
    "tbp_lv_area_perim_ratio",
    "tbp_lv_color_std_mean",
    "tbp_lv_deltaLBnorm",
    "tbp_lv_eccentricity",
    "tbp_lv_H",
    "tbp_lv_L",
    "tbp_lv_nevi_confidence",
    "tbp_lv_norm_border",
    "tbp_lv_norm_color",
    "lesion_color_difference",
)


@dataclass(frozen=True)
class Request:
    """`columns`: the source's columns and what each is, in the order of their names."""

    settings: FeatureSettings
    columns: Mapping[str, Kind]

    def of_kind(self, kind: Kind) -> list[str]:
        return [name for name, is_kind in self.columns.items() if is_kind == kind]

    def there(self, inputs: tuple[str, ...]) -> bool:
        """Whether all of these are columns of the source."""
        return all(name in self.columns for name in inputs)

    def base(self, which: Columns) -> list[str]:
        """The base columns of a set, as far as the source has what they are made from."""
        numbers = self.of_kind("number")
        pairs = which == "all" and "colour_pairs" in self.settings.families
        formulas = [
            name
            for name, formula in FORMULAS.items()
            if (formula.family == "lesion" or pairs)
            and (formula.relative or which == "all")
            and self.there(formula.inputs)
        ]
        if which == "core":
            return [name for name in CORE if name in numbers or name in formulas]
        plain = [name for name in numbers if which == "all" or name not in NOT_RELATIVE]
        return [*plain, *formulas]


def inputs_of(base: str) -> tuple[str, ...]:
    """The source columns that a base column is made from."""
    return FORMULAS[base].inputs if base in FORMULAS else (base,)
