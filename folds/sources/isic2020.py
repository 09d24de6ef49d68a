"""ISIC 2020 (SIIM): 33,126 dermatoscopic images of 2,056 patients, 584 malignant.

Reads the ground-truth CSV of the archive (version 2) and the JPEG folder. The archive's own list
of duplicate images, where it lies beside, joins groups as our audit's pairs do.
"""

from pathlib import Path
from typing import ClassVar

import polars as pl

from folds.findings import Findings
from folds.schema import (
    AGE,
    DIAGNOSIS,
    ID,
    LESION,
    PATIENT,
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
from folds.sources.source import Source, stem, with_core
from folds.tables import is_there

DUPLICATES = "ISIC_2020_Training_Duplicates.csv"
COLUMNS = (
    identifier("image_name"),
    identifier(PATIENT),
    identifier(LESION),
    category(SEX),
    number(AGE, minimum=0),
    category("anatom_site_general_challenge"),
    label("diagnosis"),
    label("benign_malignant"),
    identifier(TARGET),
)


class Isic2020(Source):
    """Ground truth CSV, pictures, and the listed duplicates."""

    id_pattern: ClassVar[str] = r"ISIC_[0-9]{7}"
    id_example: ClassVar[str] = "ISIC_0015719"
    table: ClassVar[str] = "ISIC_2020_Training_GroundTruth_v2.csv"
    image_places: ClassVar[tuple[str, ...]] = ("train", "jpeg/train", "images")
    has_classes: ClassVar[bool] = False

    def inputs(self) -> list[Path]:
        listed = self.folder / DUPLICATES
        return super().inputs() + ([listed] if is_there(listed) else [])

    def read(self, findings: Findings) -> pl.DataFrame:
        frame = self.read_columns(self.table_path(), COLUMNS, findings)
        frame = frame.rename({"anatom_site_general_challenge": SITE, "diagnosis": DIAGNOSIS})
        frame = frame.with_columns(stem("image_name"), pl.lit(TRAIN).alias(SPLIT))
        return with_core(frame.drop("image_name", "benign_malignant"))

    def known_pairs(self, findings: Findings) -> pl.DataFrame:
        path = self.folder / DUPLICATES
        if not is_there(path):
            return super().known_pairs(findings)
        columns = (identifier("image_name_1"), identifier("image_name_2"))
        return self.read_columns(path, columns, findings).select(
            stem("image_name_1").alias(f"{ID}_a"), stem("image_name_2").alias(f"{ID}_b")
        )
