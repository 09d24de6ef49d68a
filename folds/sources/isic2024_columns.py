"""The official columns of the ISIC 2024 challenge, in their official order.

The test table has the 44 of `TEST`; the training table adds the target and the ten of
`TRAIN_ONLY`, which are labels or nearly so: never features, never a filter on scored rows.
"""

from folds.schema import (
    AGE,
    ID,
    LESION,
    PATIENT,
    SEX,
    SITE,
    TARGET,
    category,
    identifier,
    label,
    number,
)

ATTRIBUTION = "attribution"

_COLOUR = [
    number(f"tbp_lv_{name}")
    for name in ("A", "Aext", "B", "Bext", "C", "Cext", "H", "Hext", "L", "Lext")
]

TEST_COLUMNS = (
    identifier(ID),
    identifier(PATIENT),
    number(AGE, minimum=0),
    category(SEX),
    category(SITE),
    number("clin_size_long_diam_mm", minimum=0),
    category("image_type"),
    category("tbp_tile_type"),
    *_COLOUR,
    number("tbp_lv_areaMM2", minimum=0),
    number("tbp_lv_area_perim_ratio", minimum=0),
    number("tbp_lv_color_std_mean", minimum=0),
    number("tbp_lv_deltaA"),
    number("tbp_lv_deltaB"),
    number("tbp_lv_deltaL"),
    number("tbp_lv_deltaLB"),
    number("tbp_lv_deltaLBnorm"),
    number("tbp_lv_eccentricity", minimum=0),
    category("tbp_lv_location"),
    category("tbp_lv_location_simple"),
    number("tbp_lv_minorAxisMM", minimum=0),
    number("tbp_lv_nevi_confidence"),
    number("tbp_lv_norm_border"),
    number("tbp_lv_norm_color"),
    number("tbp_lv_perimeterMM", minimum=0),
    number("tbp_lv_radial_color_std_max", minimum=0),
    number("tbp_lv_stdL", minimum=0),
    number("tbp_lv_stdLExt", minimum=0),
    number("tbp_lv_symm_2axis"),
    number("tbp_lv_symm_2axis_angle"),
    number("tbp_lv_x"),
    number("tbp_lv_y"),
    number("tbp_lv_z"),
    category(ATTRIBUTION),
    category("copyright_license"),
)

TRAIN_ONLY = (
    identifier(LESION),
    label("iddx_full"),
    label("iddx_1"),
    label("iddx_2"),
    label("iddx_3"),
    label("iddx_4"),
    label("iddx_5"),
    label("mel_mitotic_index"),
    label("mel_thick_mm"),
    label("tbp_lv_dnn_lesion_confidence"),
)

TRAIN_COLUMNS = (TEST_COLUMNS[0], identifier(TARGET), *TEST_COLUMNS[1:], *TRAIN_ONLY)

TEST_NAMES = tuple(column.name for column in TEST_COLUMNS)
TRAIN_NAMES = tuple(column.name for column in TRAIN_COLUMNS)
