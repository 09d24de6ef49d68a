"""HAM10000: 10,015 dermatoscopic images of 7,470 lesions, seven diagnoses.

Reads HAM10000_metadata.csv and the images from folders or ZIP files. There are no patient ids;
several images show one lesion, so folds are grouped by lesion.
"""

from pathlib import Path
from typing import ClassVar

import polars as pl

from folds.findings import Findings
from folds.schema import (
    AGE,
    DIAGNOSIS,
    HOSPITAL,
    LESION,
    SEX,
    SITE,
    SPLIT,
    TARGET,
    TRAIN,
    category,
    identifier,
    label,
    number,
)
from folds.sources.settings import Group
from folds.sources.source import Source, stem, target_from_classes, with_core

COLUMNS = (
    identifier("image_id"),
    identifier(LESION),
    label("dx"),
    label("dx_type"),  # how the diagnosis was confirmed: histology nearly means suspicion
    number("age", minimum=0),
    category(SEX),
    category("localization"),
    category("dataset", required=False),
)


class Ham10000(Source):
    """Metadata CSV and pictures, grouped by lesion."""

    id_pattern: ClassVar[str] = r"ISIC_[0-9]{7}"
    id_example: ClassVar[str] = "ISIC_0024306"
    table: ClassVar[str] = "HAM10000_metadata.csv"
    image_places: ClassVar[tuple[str, ...]] = (
        "HAM10000_images_part_1", "HAM10000_images_part_2", "HAM10000_images_part_1.zip",
        "HAM10000_images_part_2.zip", "images",
    )  # fmt: skip

    @classmethod
    def known_group(cls, folder: Path, table: str | None) -> Group:
        return "lesion"

    def read(self, findings: Findings) -> pl.DataFrame:
        frame = self.read_columns(self.table_path(), COLUMNS, findings)
        frame = frame.rename(
            {"dx": DIAGNOSIS, "dataset": HOSPITAL, "age": AGE, "localization": SITE}
        )
        frame = frame.with_columns(
            stem("image_id"),
            pl.lit(TRAIN).alias(SPLIT),
            target_from_classes(self.config.positive, frame[DIAGNOSIS]).alias(TARGET),
        )
        return with_core(frame.drop("image_id", "dx_type"))
