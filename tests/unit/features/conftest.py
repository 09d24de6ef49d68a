"""Small sample tables in the shape of ISIC 2024, and a way to see bits."""

import hashlib

import numpy as np
import polars as pl

from folds.schema import AGE, HOSPITAL, ID, PATIENT, SEX, SITE
from folds.sources.isic2024_columns import ATTRIBUTION, TEST_COLUMNS

NUMBERS = [c.name for c in TEST_COLUMNS if c.kind == "number"]
PLACES = ["anterior torso", "posterior torso", "head/neck"]


def draw(patients=12, rows=150, seed=0, holes=0.03):
    """Patients of uneven size, some of one lesion, with missing values of every kind."""
    rng = np.random.default_rng(seed)
    who = np.concatenate([np.arange(patients), rng.integers(0, max(patients - 4, 1), rows)])[:rows]
    columns: dict[str, object] = {
        ID: [f"ISIC_{n:07d}" for n in rng.permutation(10 * rows)[:rows]],
        "image": [f"a/{n}.jpg" for n in range(rows)],
        "target": rng.integers(0, 2, rows).astype(np.int8),
        "diagnosis": rng.choice(["nevus", "melanoma"], rows),
        PATIENT: [f"IP_{n:07d}" for n in who],
        "lesion_id": [f"IL_{n}" for n in range(rows)],
        HOSPITAL: [f"hospital {n % 3}" for n in who],
        "split": ["train"] * rows,
    }
    for name in NUMBERS:
        column = rng.lognormal(1, 0.6, rows)
        columns[name] = np.where(rng.random(rows) < holes, np.nan, column)
    columns[AGE] = (40 + 5 * (who % 4) + 5 * rng.integers(0, 2, rows)).astype(float)
    for name in ("tbp_lv_x", "tbp_lv_y", "tbp_lv_z"):
        columns[name] = rng.normal(0, 300, rows)
    words = {
        SEX: ["male", "female"],
        SITE: PLACES,
        "tbp_tile_type": ["3D: XP", "3D: white"],
        "tbp_lv_location": ["Left Leg", "Right Leg", "Torso Back", "Head & Neck"],
        "tbp_lv_location_simple": ["Leg", "Torso"],
    }
    for name, levels in words.items():
        drawn = rng.choice(levels, rows).tolist()
        columns[name] = [w if rng.random() > holes else None for w in drawn]
    assert ATTRIBUTION not in columns
    return pl.DataFrame(columns).with_columns(pl.col(pl.Float64).fill_nan(None))


def lesions(**columns):
    """A table written out, its ids in the order given, of one patient unless said otherwise."""
    count = len(next(iter(columns.values())))
    rest = {
        "image": None, "target": None, "diagnosis": None, PATIENT: "IP_1", "lesion_id": None,
        HOSPITAL: "one", "split": "train",
    }  # fmt: skip
    ids = [f"ISIC_{n:07d}" for n in range(count)]
    given = {name: values for name, values in columns.items() if name in rest}
    core = {ID: ids, **{name: given.get(name, [value] * count) for name, value in rest.items()}}
    others = {name: values for name, values in columns.items() if name not in rest}
    return pl.DataFrame({**core, **others}, strict=False)


def fingerprint(frame):
    """SHA-256 over the bits of every value, nulls told from numbers."""
    total = hashlib.sha256(repr(list(frame.schema.items())).encode())
    for column in frame:
        total.update(column.is_null().to_numpy().tobytes())
        if column.dtype == pl.String:
            total.update("\0".join(column.to_list()).encode())
        else:
            total.update(column.fill_null(0).to_numpy().tobytes())
    return total.hexdigest()
