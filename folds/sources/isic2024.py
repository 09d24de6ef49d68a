"""ISIC 2024, 3D total-body photographs: the competition's own folder.

Reads train-metadata.csv and test-metadata.csv (either may be absent) and the crops, from
train-image.hdf5 and test-image.hdf5 or from train-image/image/*.jpg. Training-only columns give
the diagnosis and the lesion, and go no further.
"""

from pathlib import Path
from typing import ClassVar

import polars as pl

from folds.findings import Findings, plural
from folds.schema import DIAGNOSIS, HOSPITAL, ID, SPLIT, TEST, TRAIN
from folds.sources.isic2024_columns import (
    ATTRIBUTION,
    TEST_COLUMNS,
    TRAIN_COLUMNS,
    TRAIN_ONLY,
)
from folds.sources.settings import DataSettings
from folds.sources.source import Source, with_core
from folds.tables import is_there
from workspace.errors import DataError, name_some

TRAIN_TABLE = "train-metadata.csv"
TEST_TABLE = "test-metadata.csv"
UNKNOWN = "unknown"


class Isic2024(Source):
    """Training and test table, crops in HDF5 or folders."""

    id_pattern: ClassVar[str] = r"ISIC_[0-9]{7}"
    id_example: ClassVar[str] = "ISIC_0000001"
    table: ClassVar[str] = TRAIN_TABLE
    has_classes: ClassVar[bool] = False

    def has_training(self) -> bool:
        return self.config.table != TEST_TABLE and is_there(self.table_path())

    @classmethod
    def unlabelled(cls, config: DataSettings) -> DataSettings:
        if config.table or (
            is_there(config.folder / TRAIN_TABLE) and not is_there(config.folder / TEST_TABLE)
        ):
            return config
        return config.model_copy(update={"table": TEST_TABLE, "images_in": ()})

    def inputs(self) -> list[Path]:
        return [*self._tables(), *self.places()]

    def places(self) -> list[Path]:
        if self.config.images == "none" or self.config.images_in:
            return super().places()
        splits = ["train" if t.name != TEST_TABLE else "test" for t in self._tables()]
        there = [place for split in splits for place in self._crops(split)]
        if not there and self.config.images == "all":
            raise DataError(
                f"No images in {self.folder}: neither train-image.hdf5 nor train-image/image "
                "is there; download them, or set data.images='none'."
            )
        return there

    def read(self, findings: Findings) -> pl.DataFrame:
        frames = [self._read_split(table, findings) for table in self._tables()]
        if len(frames) == 2 and len(frames[0]):
            frames[1] = _known_categories(frames[0], frames[1], findings)
        joined = pl.concat(frames, how="diagonal")
        renamed = joined.rename({ATTRIBUTION: HOSPITAL, "iddx_full": DIAGNOSIS})
        labels = [column.name for column in TRAIN_ONLY if column.name in renamed.columns]
        return with_core(renamed.drop(set(labels) - {"lesion_id"}))

    def _read_split(self, path: Path, findings: Findings) -> pl.DataFrame:
        if path.name != TEST_TABLE:
            frame = self.read_columns(path, TRAIN_COLUMNS, findings)
            return frame.with_columns(pl.lit(TRAIN).alias(SPLIT))
        frame = self.read_columns(path, TEST_COLUMNS, findings, "Feature columns missing in")
        if frame.is_empty():
            raise DataError(f"{path.name} has no rows; there is nothing to predict.")
        return frame.with_columns(
            pl.lit(TEST).alias(SPLIT),
            *(pl.lit(None, dtype=pl.String).alias(n) for n in ("target", "lesion_id", "iddx_full")),
        )

    def _tables(self) -> list[Path]:
        train = self.table_path()
        tables = [
            path for path in dict.fromkeys((train, self.folder / TEST_TABLE)) if is_there(path)
        ]
        if not tables or (self.config.table and train not in tables):
            raise DataError(
                f"{train.name} is missing in {self.folder}; name its folder with DATA=."
            )
        return tables

    def _crops(self, split: str) -> list[Path]:
        places = (self.folder / f"{split}-image.hdf5", self.folder / f"{split}-image" / "image")
        return [place for place in places if place.exists()]


def _known_categories(train: pl.DataFrame, test: pl.DataFrame, findings: Findings) -> pl.DataFrame:
    """Replace a category in the test rows that training never saw by `unknown`."""
    for column in TEST_COLUMNS:
        if column.kind != "category" or column.name == ATTRIBUTION:
            continue
        known = train.get_column(column.name).drop_nulls().unique()
        unseen = pl.col(column.name).is_not_null() & ~pl.col(column.name).is_in(known.implode())
        rows = test.filter(unseen)
        if rows.is_empty():
            continue
        values = rows.get_column(column.name).unique().sort().to_list()
        ids = rows.get_column(ID).to_list()
        findings.notice(
            "unseen-category",
            f"{plural(len(rows), 'row')} of {TEST_TABLE} whose {column.name} training never saw "
            f"({name_some(values)}) read as '{UNKNOWN}'.",
            ids,
        )
        test = test.with_columns(
            pl.when(unseen).then(pl.lit(UNKNOWN)).otherwise(pl.col(column.name)).alias(column.name)
        )
    return test
