"""PAD-UFES-20: 2,298 smartphone images of 1,641 lesions of 1,373 patients, six diagnoses.

Reads metadata.csv and the images from folders or ZIP files. Whether a lesion was biopsied is
no feature: every cancer was, so it is the label by another name.
"""

from typing import ClassVar

import polars as pl

from folds.findings import Findings
from folds.schema import (
    AGE,
    DIAGNOSIS,
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
from folds.sources.source import Source, stem, target_from_classes, with_core

_ASKED = (
    "smoke", "drink", "background_father", "background_mother", "pesticide",
    "skin_cancer_history", "cancer_history", "has_piped_water", "has_sewage_system", "fitspatrick",
    "itch", "grew", "hurt", "changed", "bleed", "elevation",
)  # fmt: skip
COLUMNS = (
    identifier("img_id"),
    identifier(PATIENT),
    identifier(LESION),
    label("diagnostic"),
    label("biopsed"),
    number("age", minimum=0),
    category("gender"),
    category("region"),
    number("diameter_1", minimum=0),
    number("diameter_2", minimum=0),
    *(category(name) for name in _ASKED),
)


class PadUfes(Source):
    """Metadata CSV and smartphone pictures."""

    id_pattern: ClassVar[str] = r"PAT_[0-9]+_[0-9]+_[0-9]+"
    id_example: ClassVar[str] = "PAT_1516_1765_530"
    table: ClassVar[str] = "metadata.csv"
    image_places: ClassVar[tuple[str, ...]] = (
        "images", "imgs_part_1", "imgs_part_2", "imgs_part_3",
        "imgs_part_1.zip", "imgs_part_2.zip", "imgs_part_3.zip",
    )  # fmt: skip

    def read(self, findings: Findings) -> pl.DataFrame:
        frame = self.read_columns(self.table_path(), COLUMNS, findings)
        frame = frame.rename(
            {"diagnostic": DIAGNOSIS, "gender": SEX, "region": SITE, "age": AGE}
        ).with_columns(stem("img_id"), pl.lit(TRAIN).alias(SPLIT))
        frame = frame.with_columns(
            target_from_classes(self.config.positive, frame[DIAGNOSIS]).alias(TARGET)
        )
        return with_core(frame.drop("img_id", "biopsed"))
