"""DermaMNIST: HAM10000 at 28x28 (or larger), seven classes, official split 7,007/1,003/2,005.

Reads the published npz, or a CSV of image_id and dx beside a folder or ZIP of images. The
official split was drawn by image: several images of one lesion lie on both sides. The published
file names no lesion; `data.lesions`, or a groups.csv beside it, does.
"""

from pathlib import Path
from typing import ClassVar

import polars as pl

from folds.findings import Findings, plural
from folds.images import ITEM
from folds.matching import IMAGE_ID
from folds.schema import (
    DIAGNOSIS,
    ID,
    IMAGE,
    LESION,
    SPLIT,
    TARGET,
    TEST,
    TRAIN,
    VALID,
    identifier,
    label,
)
from folds.sources.settings import Group
from folds.sources.source import Source, stem, target_from_classes, with_core
from folds.tables import is_there
from workspace.errors import DataError, listed
from workspace.files import read_user_arrays

CLASSES = ("akiec", "bcc", "bkl", "df", "mel", "nv", "vasc")  # label 0..6 of the npz
SPLITS = {"train": TRAIN, "val": VALID, "test": TEST}
COLUMNS = (
    identifier("image_id"),
    label("dx"),
    identifier("lesion_id", required=False),
    label("split", required=False),
)
GROUPS = "groups.csv"  # beside the data: their lesions
LESION_COLUMNS = (
    identifier(IMAGE_ID, required=False),
    identifier("image_id", required=False),
    identifier(LESION),
    label("dx", required=False),
    # Of the picture that was matched; nothing is made of these.
    *(label(name, required=False) for name in ("isic_id", "split", "corr")),
)
LESION_FILE_COLUMNS = (IMAGE_ID, "isic_id", LESION, "dx", "split", "corr")  # of a match


class DermaMnist(Source):
    """The npz, or CSV and JPEGs."""

    id_pattern: ClassVar[str] = r"DermaMNIST_(train|val|test)_[0-9]{5}"
    id_example: ClassVar[str] = "DermaMNIST_train_00000"
    table: ClassVar[str] = "dermamnist.npz"
    takes_lesions: ClassVar[bool] = True
    image_places: ClassVar[tuple[str, ...]] = ("images", "dermamnist28_jpg.zip")

    @classmethod
    def known_group(cls, folder: Path, table: str | None) -> Group:
        return "lesion" if is_there(folder / GROUPS) else "none"

    def places(self) -> list[Path]:
        return [] if self._is_npz() else super().places()

    def inputs(self) -> list[Path]:
        lesions = self._lesion_file()
        return super().inputs() + ([] if lesions is None else [lesions])

    def input_name(self, path: Path) -> str:
        return "lesions.csv" if path == self.config.lesions else super().input_name(path)

    def read(self, findings: Findings) -> pl.DataFrame:
        frame = self._npz_rows() if self._is_npz() else self._csv_rows(findings)
        lesions = self._lesion_file()
        if lesions is not None:
            frame = self._with_lesions(frame, lesions, findings)
        target = target_from_classes(self.config.positive, frame[DIAGNOSIS])
        return with_core(frame.with_columns(target.alias(TARGET)))

    def index(self, findings: Findings) -> pl.DataFrame:
        if not self._is_npz() or self.config.images == "none":
            return super().index(findings)
        rows = self._npz_rows()
        item = pl.concat_str(
            pl.lit(f"{self.table_path().name}{ITEM}"),
            pl.col(ID).str.extract(r"_(train|val|test)_"),
            pl.lit("_images/"),
            pl.col(ID).str.extract(r"_(\d{5})$").cast(pl.Int64).cast(pl.String),
        )
        return rows.select(ID, item.alias(IMAGE))

    def _lesion_file(self) -> Path | None:
        """What says whose each image is; what the recipe names goes before what lies there."""
        named, beside = self.config.lesions, self.folder / GROUPS
        if named is None:
            return beside if beside.is_file() else None
        if not named.exists():
            raise DataError(f"{named.name} is missing in {named.parent}; see data.lesions.")
        return named

    def _with_lesions(self, frame: pl.DataFrame, path: Path, findings: Findings) -> pl.DataFrame:
        """Whose each image is; where the file does not say it, nobody knows."""
        known = self.read_columns(path, LESION_COLUMNS, findings)
        named = pl.coalesce(stem(IMAGE_ID), stem("image_id"))
        lesions = known.select(named, LESION, "dx")
        if lesions[ID].null_count():
            raise DataError(
                f"{path.name} has rows without an image id; name it in {IMAGE_ID} or image_id."
            )
        _check_lesions(frame, lesions, path.name)
        joined = frame.drop(LESION, strict=False).join(lesions.drop("dx"), on=ID, how="left")
        unknown = joined.filter(pl.col(LESION).is_null())[ID].to_list()
        if unknown:
            findings.notice(
                "unknown-lesion",
                f"{path.name} does not say which lesion {plural(len(unknown), 'image')} of "
                f"{len(joined)} show: {listed(unknown)}.",
                unknown,
            )
        return joined

    def _is_npz(self) -> bool:
        return self.table_path().suffix == ".npz"

    def _npz_rows(self) -> pl.DataFrame:
        path = self.table_path()
        if not is_there(path):
            raise DataError(f"{path.name} is missing in {path.parent}; name its folder with DATA=.")
        arrays = read_user_arrays(path)
        frames = []
        for name, split in SPLITS.items():
            images, labels = arrays.get(f"{name}_images"), arrays.get(f"{name}_labels")
            if images is None or labels is None or images.shape[:1] != (labels.size,):
                raise DataError(f"{path.name} lacks {name}_images and one label each for them.")
            if labels.dtype.kind not in "iu":
                raise DataError(f"Labels in {path.name} must be whole numbers, not {labels.dtype}.")
            classes = labels.reshape(-1)
            if classes.size and not (classes.min() >= 0 and classes.max() < len(CLASSES)):
                raise DataError(f"Labels in {path.name} must be 0 to {len(CLASSES) - 1}.")
            frames.append(
                pl.DataFrame(
                    {
                        ID: [f"DermaMNIST_{name}_{row:05d}" for row in range(len(images))],
                        DIAGNOSIS: [CLASSES[int(index)] for index in classes],
                        SPLIT: [split] * len(images),
                    }
                )
            )
        return pl.concat(frames)

    def _csv_rows(self, findings: Findings) -> pl.DataFrame:
        path = self.table_path()
        frame = self.read_columns(path, COLUMNS, findings).rename({"dx": DIAGNOSIS})
        named = pl.coalesce(pl.col("split"), pl.col("image_id").str.extract(r"_(train|val|test)_"))
        frame = frame.with_columns(
            stem("image_id"), named.replace_strict(SPLITS, default=None).alias(SPLIT)
        )
        unknown = frame.filter(pl.col(SPLIT).is_null()).get_column(ID).to_list()
        if unknown:
            raise DataError(
                f"Official split (train, val or test) missing in {path.name} for images: "
                f"{listed(unknown)}."
            )
        return frame.drop("image_id")


def _check_lesions(frame: pl.DataFrame, lesions: pl.DataFrame, name: str) -> None:
    """The file is of these images: each once, none of others, and their classes if it has any."""
    twice = lesions.filter(pl.col(ID).is_duplicated())[ID].unique().sort().to_list()
    strange = lesions.join(frame, on=ID, how="anti")[ID].to_list()
    both = lesions.join(frame.select(ID, DIAGNOSIS), on=ID).filter(
        pl.col("dx") != pl.col(DIAGNOSIS)
    )
    for names, words in (
        (twice, "images twice"),
        (strange, "images that are not there"),
        (both[ID].to_list(), "another class than the data for images"),
    ):
        if names:
            raise DataError(f"{name} names {words}: {listed(names)}.")
