"""What a column of a source table is: its name, kind and the values it may hold.

Also the names of the sample table's own columns, in one place; every room spells them from here.
"""

from dataclasses import dataclass
from typing import Literal

# The sample table: these columns first, in this order, then the source's clinical columns.
ID = "isic_id"
IMAGE = "image"
TARGET = "target"
DIAGNOSIS = "diagnosis"
PATIENT = "patient_id"
LESION = "lesion_id"
HOSPITAL = "hospital"
SPLIT = "split"
CORE = (ID, IMAGE, TARGET, DIAGNOSIS, PATIENT, LESION, HOSPITAL, SPLIT)

# Clinical columns that several sources share under one name.
AGE = "age_approx"
SEX = "sex"
SITE = "anatom_site_general"

TRAIN, VALID, TEST = "train", "valid", "test"  # the source's own splits
HOLDOUT = "holdout"  # rows of ours kept for one last look, in folds.parquet
ANCHOR = "anchor"  # rows of ours that no model learns from and no score counts: to align by

Kind = Literal["id", "label", "category", "number"]


@dataclass(frozen=True)
class Column:
    """One column of a source's table.

    `id` and `label` stay text exactly as written (leading zeros kept), `category` is text whose
    missing markers become null, `number` is a float whose missing markers become null.
    `feature=False` marks what a model must never see: labels, keys, and what only training has.
    """

    name: str
    kind: Kind
    feature: bool = True
    minimum: float | None = None
    required: bool = True


def number(name: str, minimum: float | None = None, *, required: bool = True) -> Column:
    """A measurement."""
    return Column(name, "number", minimum=minimum, required=required)


def category(name: str, *, required: bool = True) -> Column:
    """One of some words."""
    return Column(name, "category", required=required)


def identifier(name: str, *, required: bool = True) -> Column:
    """A key, kept to the letter; never a feature."""
    return Column(name, "id", feature=False, required=required)


def label(name: str, *, required: bool = True) -> Column:
    """What is to be predicted, or nearly tells it; never a feature."""
    return Column(name, "label", feature=False, required=required)
