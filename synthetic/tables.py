"""Traits -> the official columns: what the photograph's own software would have measured.

Reads the frame of `synthetic.traits`, writes the 55 training or 44 test columns as the real files
have them. Floats keep seven significant digits, so that the last bit of an exponential, which
differs between processors, never shows.
"""

import numpy as np
import polars as pl

from folds.schema import AGE, ID, LESION, PATIENT, SEX, SITE, TARGET
from folds.sources.isic2024_columns import ATTRIBUTION, TEST_NAMES, TRAIN_NAMES
from synthetic import body, diagnoses, hospitals
from synthetic.cohort import stream
from workspace.arrays import Floats

SIGNIFICANT_DIGITS = 7
IMAGE_TYPE = "synthetic TBP tile: close-up"
LICENSE = "synthetic"
BIOPSIED_PER_MILLE = 48  # benign rows that carry a lesion_id: 22,058 of 401,059 with the others


def isic_ids(frame: pl.DataFrame) -> pl.Series:
    """ISIC_0000001 and so on, in the frame's order."""
    return frame.select(_named("ISIC", "number")).to_series()


def competition_table(traits: pl.DataFrame, seed: int) -> pl.DataFrame:
    """All columns of all rows; choose with `TRAIN_NAMES` or `TEST_NAMES`."""
    rng = stream(seed, "table")
    measured = _shapes(traits, rng) | _colours(traits) | _varieties(traits, rng)
    measured |= _confidences(traits, rng)
    rounded = pl.DataFrame(measured).with_columns(pl.all().round_sig_figs(SIGNIFICANT_DIGITS))
    angle = pl.Series("tbp_lv_symm_2axis_angle", 5 * rng.integers(36, size=len(traits)))
    columns = [_people(traits), rounded, angle.to_frame(), _places(traits), _labels(traits, rng)]
    return pl.concat(columns, how="horizontal")


def keep_train_columns(table: pl.DataFrame) -> pl.DataFrame:
    """The official 55 columns in their order."""
    return table.select(TRAIN_NAMES)


def keep_test_columns(table: pl.DataFrame) -> pl.DataFrame:
    """The official 44 columns in their order."""
    return table.select(TEST_NAMES)


def _named(prefix: str, column: str) -> pl.Expr:
    digits = pl.col(column).cast(pl.String).str.zfill(7)
    return pl.concat_str(pl.lit(f"{prefix}_"), digits).alias(column)


def _chosen(values: list[str | None], column: str) -> pl.Expr:
    """The value of a list at each row's index."""
    return pl.lit(pl.Series(values, dtype=pl.String)).gather(pl.col(column))


def _people(traits: pl.DataFrame) -> pl.DataFrame:
    """Ids and what is asked of the patient. An unknown age is the text NA or nothing, as there."""
    age = (
        pl.when(pl.col("age_unknown") == 1)
        .then(pl.lit("NA"))
        .when(pl.col("age_unknown") == 0)
        .then(pl.col("age").cast(pl.Float64).cast(pl.String))
    )
    sex = pl.when(pl.col("sex_unknown") == 0).then(
        pl.when(pl.col("male")).then(pl.lit("male")).otherwise(pl.lit("female"))
    )
    return traits.select(
        _named("ISIC", "number").alias(ID),
        pl.col(TARGET),
        _named("IP", "patient_number").alias(PATIENT),
        age.alias(AGE),
        sex.alias(SEX),
        pl.lit(IMAGE_TYPE).alias("image_type"),
        pl.when(pl.col("white"))
        .then(pl.lit("3D: white"))
        .otherwise(pl.lit("3D: XP"))
        .alias("tbp_tile_type"),
        _chosen([each.name for each in hospitals.HOSPITALS], "hospital").alias(ATTRIBUTION),
        pl.lit(LICENSE).alias("copyright_license"),
    )


def _places(traits: pl.DataFrame) -> pl.DataFrame:
    return traits.select(
        _chosen([place.site for place in body.PLACES], "place").alias(SITE),
        _chosen([place.location for place in body.PLACES], "place").alias("tbp_lv_location"),
        _chosen([place.simple for place in body.PLACES], "place").alias("tbp_lv_location_simple"),
    )


def _shapes(traits: pl.DataFrame, rng: np.random.Generator) -> dict[str, Floats]:
    """Sizes in mm and mm2 of a ragged ellipse; area_perim_ratio is perimeter over area, squared."""
    long, ragged = traits["long_mm"].to_numpy(), traits["ragged"].to_numpy()
    short = long * traits["axes"].to_numpy()
    noise = rng.standard_normal((3, len(traits)))
    filled = np.clip(0.97 + 0.06 * noise[0], 0.76, 1.14)  # of the ellipse's area
    area = np.pi / 4 * long * short * filled
    ellipse = np.pi * (3 * (long + short) - np.sqrt((3 * long + short) * (long + 3 * short))) / 2
    perimeter = ellipse * np.sqrt(filled) * (1 + 0.085 * ragged * np.exp(0.15 * noise[1]))
    symmetry = 0.085 + 0.19 * ragged * np.exp(0.25 * noise[2])
    return {
        "clin_size_long_diam_mm": long,
        "tbp_lv_minorAxisMM": short,
        "tbp_lv_areaMM2": area,
        "tbp_lv_perimeterMM": perimeter,
        "tbp_lv_area_perim_ratio": perimeter**2 / area,
        "tbp_lv_eccentricity": np.sqrt(1 - (short / long) ** 2),
        "tbp_lv_norm_border": np.clip(2.9 * ragged * np.exp(0.12 * noise[0]), 0.5, 10.0),
        "tbp_lv_symm_2axis": np.clip(symmetry, 0.06, 0.9),
        **{f"tbp_lv_{axis}": traits[axis].to_numpy() for axis in "xyz"},
    }


def _colours(traits: pl.DataFrame) -> dict[str, Floats]:
    """CIELAB inside, outside and their differences, with chroma and hue of both."""
    delta = {name: traits[f"delta_{name.lower()}"].to_numpy() for name in "LAB"}
    outside = {name: traits[f"skin_{name.lower()}"].to_numpy() for name in "LAB"}
    inside = {name: outside[name] + delta[name] for name in "LAB"}
    both = np.hypot(delta["L"], delta["B"])
    columns = {f"tbp_lv_{name}": inside[name] for name in "LAB"}
    columns |= {f"tbp_lv_{name}ext": outside[name] for name in "LAB"}
    columns |= {f"tbp_lv_delta{name}": delta[name] for name in "LAB"}
    for suffix, colour in (("", inside), ("ext", outside)):
        columns[f"tbp_lv_C{suffix}"] = np.hypot(colour["A"], colour["B"])
        columns[f"tbp_lv_H{suffix}"] = np.degrees(np.arctan2(colour["B"], colour["A"]))
    columns["tbp_lv_deltaLB"] = both
    columns["tbp_lv_deltaLBnorm"] = 0.8 * both * (51 / outside["L"]) ** 0.35
    return columns


def _varieties(traits: pl.DataFrame, rng: np.random.Generator) -> dict[str, Floats]:
    """How uneven the colour is, inside and around; none of it looks at structures."""
    spread = traits["spread"].to_numpy()
    noise = np.exp(0.15 * rng.standard_normal((3, len(traits))))
    return {
        "tbp_lv_color_std_mean": spread * noise[0],
        "tbp_lv_norm_color": np.minimum(10.0, 2.8 * spread * noise[1]),
        "tbp_lv_radial_color_std_max": 0.95 * spread * noise[2],
        "tbp_lv_stdL": traits["spread_l"].to_numpy(),
        "tbp_lv_stdLExt": traits["skin_std"].to_numpy(),
    }


def _confidences(traits: pl.DataFrame, rng: np.random.Generator) -> dict[str, Floats]:
    """Two scores in per cent: being a nevus (brown rather than red), being a lesion at all."""
    brown = traits["contrast"].to_numpy() - traits["redness"].to_numpy()
    noise = rng.standard_normal((2, len(traits)))
    nevus = 100 / (1 + np.exp(-(1.2 * brown + 2.5 * noise[0] - 1.2)))
    lesion = 100 / (1 + np.exp(-(5.5 + 2.0 * noise[1])))
    return {"tbp_lv_nevi_confidence": nevus, "tbp_lv_dnn_lesion_confidence": lesion}


def _labels(traits: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """What only the training table has: the lesion's id if it was cut out, and the diagnosis."""
    every = diagnoses.DIAGNOSES
    size = len(traits)
    levels = [
        _chosen([dict(enumerate(each.path)).get(level) for each in every], "diagnosis")
        for level in range(diagnoses.LEVELS)
    ]
    short = pl.Series([len(each.path) == 1 for each in every]).gather(traits["diagnosis"])
    cut_out = ~short | pl.Series(rng.integers(1000, size=size) < BIOPSIED_PER_MILLE)
    invasive = pl.Series([each.invasive_melanoma for each in every]).gather(traits["diagnosis"])
    tenths = 2 + rng.integers(1, 7, size=size) * rng.integers(1, 4, size=size)
    thick = (pl.Series(tenths) / 10).round(1)
    counted = invasive & pl.Series(rng.integers(10, size=size) < 6)
    mitoses = pl.Series(rng.integers(len(diagnoses.MITOTIC_INDICES), size=size))
    return traits.with_columns(mitoses=mitoses).select(
        pl.when(cut_out).then(_named("IL", "lesion_number")).alias(LESION),
        _chosen([each.full for each in every], "diagnosis").alias("iddx_full"),
        *[each.alias(f"iddx_{level}") for level, each in enumerate(levels, start=1)],
        pl.when(counted)
        .then(_chosen(list(diagnoses.MITOTIC_INDICES), "mitoses"))
        .alias("mel_mitotic_index"),
        pl.when(invasive).then(thick).alias("mel_thick_mm"),
    )
