"""Row formulas: what one lesion's own measurements say, named by the ABCDE rule.

A asymmetry, B border, C colour, D diameter; E, what evolves or differs from the patient's other
lesions, is what the other families are about. A ratio by zero is null, never infinite.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from itertools import combinations

import polars as pl

from features.references import FIRST_TEN, GUNES, OURS, SECOND, TENTH
from folds.schema import AGE

SIZE = "clin_size_long_diam_mm"
DIAMETER_MM = 6.0  # the D of the ABCDE rule


@dataclass(frozen=True)
class Formula:
    """`relative`: whether to compare it within a patient too.

    Not so for what is a multiple or a logarithm of another column (its z-score or rank would say
    the same again), for angles and places on the body, and for products with age, which hardly
    differs within a patient.
    """

    expression: pl.Expr
    text: str
    reference: str
    sign: str = ""
    relative: bool = True
    family: str = "lesion"
    cancels: bool = False  # a difference, or a sum of signed ones: zero may be noise of its inputs

    @property
    def inputs(self) -> tuple[str, ...]:
        return tuple(sorted(set(self.expression.meta.root_names())))


def _tbp(name: str) -> pl.Expr:
    return pl.col(f"tbp_lv_{name}")


def _ratio(above: pl.Expr, below: pl.Expr) -> pl.Expr:
    """By zero it is infinite or NaN, which Rows takes for missing."""
    return above / below


L, A, B, H = (_tbp(name) for name in "LABH")
L_EXT, A_EXT, B_EXT, H_EXT = (_tbp(f"{name}ext") for name in "LABH")
D_L, D_A, D_B, D_LB = (_tbp(f"delta{name}") for name in ("L", "A", "B", "LBnorm"))
STD_L, STD_L_EXT = _tbp("stdL"), _tbp("stdLExt")
COLOUR_STD, RADIAL = _tbp("color_std_mean"), _tbp("radial_color_std_max")
BORDER, COLOUR = _tbp("norm_border"), _tbp("norm_color")
SYMMETRY, ECCENTRICITY = _tbp("symm_2axis"), _tbp("eccentricity")
AREA, PERIMETER, MINOR = _tbp("areaMM2"), _tbp("perimeterMM"), _tbp("minorAxisMM")
AREA_PERIMETER, NEVI = _tbp("area_perim_ratio"), _tbp("nevi_confidence")
X, Y, Z = _tbp("x"), _tbp("y"), _tbp("z")
YEARS, DIAMETER = pl.col(AGE), pl.col(SIZE)

_DISTANCE = (X * X + Y * Y + Z * Z).sqrt()
_DIFFERENCE = D_A * D_A + D_B * D_B + D_L * D_L
# NaN is above any number to polars, and missing to us.
_OVER_6_MM = (
    pl.when(DIAMETER.is_finite())
    .then((DIAMETER > DIAMETER_MM).cast(pl.Float64))
    .otherwise(math.nan)
)
_SHAPE = _ratio(AREA, PERIMETER * PERIMETER)


def _own(relative: bool = True) -> partial[Formula]:
    return partial(Formula, reference=FIRST_TEN, relative=relative)


_F, _ALIKE = _own(), _own(relative=False)  # _ALIKE: see Formula.relative
_DIFFERS = partial(_F, cancels=True)

LESION: Mapping[str, Formula] = {
    "lesion_size_ratio": _F(_ratio(MINOR, DIAMETER), "minorAxis / clin_size", sign="AD"),
    "lesion_shape_index": _F(_SHAPE, "area / perimeter^2", sign="B"),
    "hue_contrast": _DIFFERS((H - H_EXT).abs(), "|H - Hext|", sign="C"),
    "luminance_contrast": _DIFFERS((L - L_EXT).abs(), "|L - Lext|", sign="C"),
    "lesion_color_difference": _F(
        _DIFFERENCE.sqrt(), "sqrt(deltaA^2 + deltaB^2 + deltaL^2)", sign="C"
    ),
    "border_complexity": _F(BORDER + SYMMETRY, "norm_border + symm_2axis", sign="AB"),
    "color_uniformity": _F(_ratio(COLOUR_STD, RADIAL), "color_std / radial_color_std", sign="C"),
    "position_distance_3d": _ALIKE(_DISTANCE, "sqrt(x^2 + y^2 + z^2)"),
    "perimeter_to_area_ratio": _F(_ratio(PERIMETER, AREA), "perimeter / area", sign="BD"),
    "area_to_perimeter_ratio": _F(_ratio(AREA, PERIMETER), "area / perimeter", sign="BD"),
    "lesion_visibility_score": _F(D_LB + COLOUR, "deltaLBnorm + norm_color", sign="C"),
    "symmetry_border_consistency": _F(SYMMETRY * BORDER, "symm_2axis * norm_border", sign="AB"),
    "consistency_symmetry_border": _F(
        _ratio(SYMMETRY * BORDER, SYMMETRY + BORDER),
        "symm_2axis * norm_border / (symm_2axis + norm_border)",
        sign="AB",
    ),
    "color_consistency": _F(_ratio(STD_L, L_EXT), "stdL / Lext", sign="C"),
    "consistency_color": _F(
        _ratio(STD_L * L_EXT, STD_L + L_EXT), "stdL * Lext / (stdL + Lext)", sign="C"
    ),
    "size_age_interaction": _ALIKE(DIAMETER * YEARS, "clin_size * age", sign="D"),
    "hue_color_std_interaction": _F(H * COLOUR_STD, "H * color_std", sign="C"),
    "lesion_severity_index": _F(
        (BORDER + COLOUR + ECCENTRICITY) / 3,
        "(norm_border + norm_color + eccentricity) / 3",
        sign="ABC",
    ),
    "shape_complexity_index": _F(
        BORDER + SYMMETRY + _SHAPE, "norm_border + symm_2axis + area / perimeter^2", sign="AB"
    ),
    "color_contrast_index": _DIFFERS(
        D_A + D_B + D_L + D_LB, "deltaA + deltaB + deltaL + deltaLBnorm", sign="C"
    ),
    "log_lesion_area": _ALIKE(
        (AREA + 1).log(), "ln(area + 1)", sign="D"
    ),
    "normalized_lesion_size": _ALIKE(_ratio(DIAMETER, YEARS), "clin_size / age", sign="D"),
    "mean_hue_difference": _F((H + H_EXT) / 2, "(H + Hext) / 2", sign="C"),
    "std_dev_contrast": _ALIKE(
        (_DIFFERENCE / 3).sqrt(), "sqrt((deltaA^2 + deltaB^2 + deltaL^2) / 3)", sign="C"
    ),
    "color_shape_composite_index": _F(
        (COLOUR_STD + AREA_PERIMETER + SYMMETRY) / 3,
        "(color_std + area_perim_ratio + symm_2axis) / 3",
        sign="ABC",
    ),
    "lesion_orientation_3d": _ALIKE(pl.arctan2(Y, X), "atan2(y, x)"),
    "overall_color_difference": _DIFFERS(
        (D_A + D_B + D_L) / 3, "(deltaA + deltaB + deltaL) / 3", sign="C"
    ),
    "symmetry_perimeter_interaction": _F(SYMMETRY * PERIMETER, "symm_2axis * perimeter", sign="AB"),
    "comprehensive_lesion_index": _F(
        (AREA_PERIMETER + ECCENTRICITY + COLOUR + SYMMETRY) / 4,
        "(area_perim_ratio + eccentricity + norm_color + symm_2axis) / 4",
        sign="ABC",
    ),
    "color_variance_ratio": _F(_ratio(COLOUR_STD, STD_L_EXT), "color_std / stdLExt", sign="C"),
    "border_color_interaction": _F(BORDER * COLOUR, "norm_border * norm_color", sign="BC"),
    "border_color_consistency": _F(
        _ratio(BORDER * COLOUR, BORDER + COLOUR),
        "norm_border * norm_color / (norm_border + norm_color)",
        sign="BC",
    ),
    "size_color_contrast_ratio": _F(_ratio(DIAMETER, D_LB), "clin_size / deltaLBnorm", sign="CD"),
    "age_normalized_nevi_confidence": _ALIKE(_ratio(NEVI, YEARS), "nevi_confidence / age"),
    "color_asymmetry_index": _F(RADIAL * SYMMETRY, "radial_color_std * symm_2axis", sign="AC"),
    "volume_approximation_3d": _ALIKE(AREA * _DISTANCE, "area * sqrt(x^2 + y^2 + z^2)", sign="D"),
    "color_range": _DIFFERS(
        (L - L_EXT).abs() + (A - A_EXT).abs() + (B - B_EXT).abs(),
        "|L - Lext| + |A - Aext| + |B - Bext|",
        sign="C",
    ),
    "shape_color_consistency": _F(ECCENTRICITY * COLOUR_STD, "eccentricity * color_std", sign="AC"),
    "border_length_ratio": _F(
        _ratio(PERIMETER, (AREA * math.pi).sqrt() * 2),
        "perimeter / (2 pi sqrt(area / pi)), also written perimeter / (2 sqrt(pi area))",
        sign="B",
    ),
    "age_size_symmetry_index": _ALIKE(
        YEARS * DIAMETER * SYMMETRY, "age * clin_size * symm_2axis", sign="AD"
    ),
    "index_age_size_symmetry": _ALIKE(
        YEARS * AREA * SYMMETRY, "age * area * symm_2axis", sign="AD"
    ),
    "symmetry_per_perimeter": Formula(
        _ratio(SYMMETRY, PERIMETER), "symm_2axis / perimeter", SECOND, "AB"
    ),
    "symmetry_per_area": Formula(_ratio(SYMMETRY, AREA), "symm_2axis / area", SECOND, "AD"),
    "color_visibility": Formula(COLOUR * D_LB, "norm_color * deltaLBnorm", SECOND, "C"),
    "relative_contrast": Formula(_ratio(D_LB, L), "deltaLBnorm / L", SECOND, "C"),
    "border_per_perimeter": Formula(
        _ratio(BORDER, PERIMETER), "norm_border / perimeter", SECOND, "B"
    ),
    "area_per_diameter_squared": Formula(
        _ratio(AREA, DIAMETER * DIAMETER), "area / clin_size^2", SECOND, "AD"
    ),
    "orientation_xz": Formula(pl.arctan2(Z, X), "atan2(z, x)", SECOND, relative=False),
    "orientation_yz": Formula(pl.arctan2(Z, Y), "atan2(z, y)", SECOND, relative=False),
    "chroma": Formula((A * A + B * B).sqrt(), "sqrt(A^2 + B^2)", SECOND, "C", relative=False),
    "hue_angle": Formula(pl.arctan2(B, A), "atan2(B, A)", SECOND, "C", relative=False),
    "luminance_variation": Formula(_ratio(STD_L, L), "stdL / L", SECOND, "C"),
    "color_evenness": Formula(
        _ratio(pl.lit(1.0), COLOUR_STD + 1), "1 / (1 + color_std)", SECOND, "C", relative=False
    ),
    "area_per_age": Formula(_ratio(AREA, YEARS), "area / age", TENTH, "D", relative=False),
    "asymmetry_index": Formula(
        SYMMETRY * ECCENTRICITY, "symm_2axis * eccentricity", TENTH, "A"
    ),
    "border_per_sqrt_area": Formula(
        _ratio(BORDER, AREA.sqrt()),
        "norm_border / sqrt(area)",
        TENTH,
        "BD",
    ),
    "color_variation": Formula(COLOUR_STD * RADIAL, "color_std * radial_color_std", TENTH, "C"),
    "hue_contrast_ratio": Formula(
        _ratio((H - H_EXT).abs(), H + H_EXT), "|H - Hext| / (H + Hext)", TENTH, "C"
    ),
    "color_per_log_size": Formula(
        _ratio(COLOUR, (DIAMETER + 1).log()),
        "norm_color / ln(1 + clin_size)",
        TENTH,
        "CD",
    ),
    "roundness": Formula(
        _SHAPE * 4 * math.pi, "4 pi area / perimeter^2", GUNES, "B", relative=False
    ),
    "diameter_over_6_mm": Formula(_OVER_6_MM, "1 if clin_size > 6 mm", OURS, "D", relative=False),
}  # fmt: skip


def _colour_pairs() -> dict[str, Formula]:
    """Ratio and difference of every two colours of the lesion, of the skin, and across."""
    inside, outside = ("L", "A", "B", "C", "H"), ("Lext", "Aext", "Bext", "Cext", "Hext")
    across = zip(inside, outside, strict=True)
    pairs = [*combinations(inside, 2), *combinations(outside, 2), *across]
    pair = partial(Formula, reference=GUNES, sign="C", family="colour_pairs")
    formulas = {}
    for one, other in pairs:
        a, b = _tbp(one), _tbp(other)
        formulas[f"ratio_{one}_{other}"] = pair(_ratio(a, b), f"{one} / {other}")
        formulas[f"difference_{one}_{other}"] = pair(a - b, f"{one} - {other}", cancels=True)
    return formulas


FORMULAS: Mapping[str, Formula] = {**LESION, **_colour_pairs()}
