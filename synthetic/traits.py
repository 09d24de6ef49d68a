"""How each lesion is: the hidden quantities that both the table and the crop are made from.

Reads the cohort, writes it back with one float column a trait. The signal is designed here: a
malignant lesion differs (a) from its own patient's others, (b) in structures that only the
picture shows, and (c) a little in what raw columns say, since patients differ more among
themselves than a malignant lesion does from its neighbours.
"""

import numpy as np
import polars as pl

from synthetic import body, diagnoses, hospitals
from synthetic.cohort import stream
from workspace.arrays import Floats, Ints

# Traits that the table measures, in units of the spread between one patient's benign lesions.
# The shift is that of a malignant lesion, by kind: follicular, melanoma, epidermal, benign.
SHIFTS = {
    "size": (1.25, 1.25, 1.25, 0.0),
    "border": (0.60, 0.90, 0.90, 0.0),
    "contrast": (0.35, 1.10, 0.40, 0.0),
    "variety": (0.90, 1.20, 0.80, 0.0),
    "redness": (1.05, 0.20, 1.00, 0.0),
}
PATIENT_SPREAD = 1.9  # between patients, over that within one: raw columns then say little
PICTURE_SHIFT = 2.1  # of what only the picture shows, in standard deviations of benign lesions

SIZE_MM = (1.9, 1.5, 0.34)  # offset, scale, growth a unit: 2.4 to 7.5 mm for 90 % of lesions
# How strongly each structure shows a lesion's strength, by kind as above: so a picture tells which
# cancer it is. A blue-white veil speaks for a basal cell carcinoma here, streaks and a net for a
# melanoma, a notched border for a squamous cell carcinoma.
STRUCTURES = {
    "streaks": (0.7, 1.8, 0.7, 1.0),
    "veil": (2.2, 0.7, 0.7, 1.0),
    "notches": (0.7, 0.7, 2.5, 1.0),
    "network": (0.7, 1.8, 0.7, 1.0),
}


def draw_traits(cohort: pl.DataFrame, seed: int) -> pl.DataFrame:
    """The cohort with its traits; floats, so never to be compared to decide who is malignant."""
    rng = stream(seed, "lesions")
    diagnosis = diagnoses.draw(cohort["target"].to_numpy(), stream(seed, "diagnoses"))
    kind = diagnoses.kinds(diagnosis)
    patient = cohort["patient"].to_numpy()
    style = _draw_styles(int(patient.max()) + 1, seed)
    columns: dict[str, Floats] = {}
    for name, shifts in SHIFTS.items():
        own = rng.standard_normal(len(cohort)) + np.array(shifts)[kind]
        columns[name] = PATIENT_SPREAD * style[name][patient] + own
    columns |= _draw_shape(columns["size"], columns["border"], rng)
    place, spot = _draw_places(len(cohort), seed)
    columns |= _draw_skin(style, cohort, rng)
    columns |= _draw_colours(columns, rng)
    columns |= _draw_structures(cohort["target"].to_numpy(), kind, rng)
    for name in ("hair", "freckles", "weave"):
        columns[name] = style[name][patient]
    return cohort.with_columns(
        pl.Series("diagnosis", diagnosis),
        pl.Series("place", place),
        *[pl.Series(axis, each) for axis, each in zip("xyz", spot.T, strict=True)],
        *[pl.Series(name, each) for name, each in columns.items()],
    )


def _draw_styles(patients: int, seed: int) -> dict[str, Floats]:
    """What is a patient's own: the usual look of the lesions, the skin, the hair."""
    rng = stream(seed, "patients")
    style = {name: rng.standard_normal(patients) for name in SHIFTS}
    style["tone"] = np.clip(rng.standard_normal(patients), -2.3, 1.6)
    style["undertone"] = rng.standard_normal(patients)
    style["flush"] = rng.standard_normal(patients)
    style["hair"] = np.clip(rng.standard_normal(patients) - 0.3, 0.0, 2.0)
    style["freckles"] = np.clip(rng.standard_normal(patients), 0.0, 2.0)
    style["weave"] = rng.random(patients)
    return style


def _draw_shape(size: Floats, border: Floats, rng: np.random.Generator) -> dict[str, Floats]:
    offset, scale, growth = SIZE_MM
    long_mm = np.clip(offset + scale * np.exp(growth * size), 1.0, 26.0)
    axes = 1 / (1 + np.exp(-(0.75 + 0.6 * rng.standard_normal(len(size)) - 0.05 * border)))
    return {
        "long_mm": np.round(long_mm, 2),
        "axes": np.clip(axes, 0.3, 0.985),  # the short axis over the long one
        "turn": rng.random(len(size)),  # of half a circle
        "ragged": np.exp(0.22 * border),  # median 1: how uneven the outline is
    }


def _draw_places(size: int, seed: int) -> tuple[Ints, Floats]:
    """An index into `body.PLACES` for each lesion, and its coordinates (lesions, 3) in mm."""
    rng = stream(seed, "places")
    ends = np.cumsum(body.shares())
    place = np.searchsorted(ends, rng.integers(ends[-1], size=size), side="right")
    spot = body.centres()[place] + body.spreads()[place] * rng.standard_normal((size, 3))
    return place, spot


def _draw_skin(
    style: dict[str, Floats], cohort: pl.DataFrame, rng: np.random.Generator
) -> dict[str, Floats]:
    """CIELAB of the skin around the lesion, as that hospital's camera sees it."""
    patient, size = cohort["patient"].to_numpy(), len(cohort)
    cast = hospitals.casts()[cohort["hospital"].to_numpy()]
    tone = style["tone"][patient]
    light = 53 + 9.5 * tone + 4.0 * rng.standard_normal(size) + cast[:, 0]
    red = 15.5 - 0.6 * tone + 2.6 * style["flush"][patient] + 1.8 * rng.standard_normal(size)
    yellow = 26 - 0.8 * tone + 3.2 * style["undertone"][patient] + 1.8 * rng.standard_normal(size)
    return {
        "skin_l": np.clip(light, 18.0, 84.0),
        "skin_a": np.clip(red + cast[:, 1], 5.0, 34.0),
        "skin_b": np.clip(yellow + cast[:, 2], 11.0, 44.0),
        "skin_std": 2.2 * np.exp(0.22 * rng.standard_normal(size)),
    }


def _draw_colours(traits: dict[str, Floats], rng: np.random.Generator) -> dict[str, Floats]:
    """The lesion's mean CIELAB against the skin's, and how much it varies inside."""
    contrast, redness, variety = traits["contrast"], traits["redness"], traits["variety"]
    darker = 8.0 * np.exp(0.19 * contrast + 0.08 * rng.standard_normal(len(contrast)))
    darker = np.minimum(darker, 0.5 * traits["skin_l"])  # dark skin leaves less room below
    return {
        "delta_l": -darker,
        "delta_a": 4.8 + 1.05 * redness + 0.5 * rng.standard_normal(len(contrast)),
        "delta_b": 1.4
        - 0.55 * redness
        + 0.35 * contrast
        + 1.2 * rng.standard_normal(len(contrast)),
        "spread": np.maximum(0.0, 1.05 + 0.34 * variety),  # of hue and chroma inside
        "spread_l": 0.6 + 0.2 * darker * np.exp(0.12 * rng.standard_normal(len(contrast))),
    }


def _draw_structures(target: Ints, kind: Ints, rng: np.random.Generator) -> dict[str, Floats]:
    """What no column measures: one hidden strength, spread over structures as the kind has them."""
    picture = rng.standard_normal(len(target)) + PICTURE_SHIFT * target
    strength = np.clip((picture + 0.6) / 3.0, 0.0, 1.4)
    parts = 0.45 + 0.8 * rng.random((len(STRUCTURES), len(target)))
    return {"picture": picture} | {
        name: strength * part * np.array(looks)[kind]
        for (name, looks), part in zip(STRUCTURES.items(), parts, strict=True)
    }
