"""What every adapter offers: its input files, its raw rows, its images.

An adapter only translates names and files. What must hold of every sample table (ids, groups,
targets, images for rows) is checked once, in `folds.samples`.
"""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import polars as pl

from folds.findings import Findings
from folds.images import index_images
from folds.schema import CORE, DIAGNOSIS, ID, Column
from folds.sources.settings import DataSettings, Group
from folds.tables import is_there, parse_numbers, read_table
from workspace.errors import ConfigError, DataError, listed


class Source(ABC):
    """One public data set in the folder where the user unpacked it.

    Whatever column `read` leaves beside the core ones becomes a feature. A key or a label must have
    a core column's name by then, or be gone: one that is left under its raw name is refused.
    """

    id_pattern: ClassVar[str] = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}"
    id_example: ClassVar[str] = "letters, digits and _.-, at most 100"
    table: ClassVar[str] = ""
    image_places: ClassVar[tuple[str, ...]] = ()
    has_classes: ClassVar[bool] = True  # the target follows from the recipe's `data.positive`
    takes_lesions: ClassVar[bool] = False  # whether `data.lesions` says what it does not know

    def __init__(self, config: DataSettings) -> None:
        self.config = config
        self.no_features: set[str] = set()  # keys and labels that were read, by their raw names
        self.folder = config.folder
        if self.has_classes and not config.positive:
            raise ConfigError(
                f"Source {config.source} has classes; say in data.positive which count as 1, "
                'for example ["mel"].'
            )
        if not self.has_classes and config.positive:
            raise ConfigError(f"Source {config.source} has a target; leave out data.positive.")
        if config.lesions is not None and not self.takes_lesions:
            raise ConfigError(f"Source {config.source} does not read data.lesions; leave it out.")

    @classmethod
    def known_group(cls, folder: Path, table: str | None) -> Group:
        """What `data.group = "known"` means in this folder: by whom its rows can be grouped."""
        return "patient"

    @classmethod
    def unlabelled(cls, config: DataSettings) -> DataSettings:
        """Of a folder that holds training rows too, the rows to be scored alone."""
        return config

    @abstractmethod
    def read(self, findings: Findings) -> pl.DataFrame:
        """Rows with the core columns but the image (target as text), then clinical columns."""

    def table_path(self) -> Path:
        return self.folder / (self.config.table or self.table)

    def places(self) -> list[Path]:
        """Where images are looked for: the recipe's choice, else what is there of the usual."""
        if self.config.images == "none":
            return []
        if self.config.images_in:
            return [self._existing(name) for name in self.config.images_in]
        usual = [self.folder / name for name in self.image_places]
        there = [place for place in usual if place.exists()]
        if not there and self.config.images == "all":
            raise DataError(
                f"No images in {self.folder}: none of {', '.join(self.image_places)} is there; "
                "name them with data.images_in, or set data.images='none'."
            )
        return there

    def has_training(self) -> bool:
        """Whether there are rows to train on, or only a test set to score."""
        return True

    def inputs(self) -> list[Path]:
        """Every file and folder that the result depends on."""
        table = self.table_path()
        if not is_there(table):
            raise DataError(
                f"{table.name} is missing in {self.folder}; name its folder with DATA=."
            )
        return [table, *self.places()]

    def input_name(self, path: Path) -> str:
        """How manifests call a file or folder: by its place below the data."""
        return path.relative_to(self.folder).as_posix()

    def index(self, findings: Findings) -> pl.DataFrame:
        """Ids and references of all images found."""
        return index_images(self.folder, self.places(), findings)

    def known_pairs(self, findings: Findings) -> pl.DataFrame:
        """Duplicate images that the data set's owners list, as ids `<id>_a` and `<id>_b`."""
        return pl.DataFrame(schema={f"{ID}_a": pl.String, f"{ID}_b": pl.String})

    def read_columns(
        self,
        path: Path,
        columns: Sequence[Column],
        findings: Findings,
        missing: str = "Missing columns in",
    ) -> pl.DataFrame:
        """A CSV by explicit columns, numbers parsed; the first column is the key."""
        self.no_features |= {column.name for column in columns if not column.feature}
        raw = read_table(path, columns, findings, missing)
        return parse_numbers(raw, columns, columns[0].name, path.name, findings)

    def _existing(self, name: str) -> Path:
        place = self.folder / name
        if not place.exists():
            raise DataError(f"{name} is missing in {self.folder}; see data.images_in.")
        return place


def with_core(frame: pl.DataFrame) -> pl.DataFrame:
    """Add the core text columns a source does not have, as null, and put core columns first."""
    lacking = [name for name in CORE if name not in frame.columns]
    frame = frame.with_columns(pl.lit(None, dtype=pl.String).alias(name) for name in lacking)
    return frame.select(*CORE, pl.exclude(CORE))


def target_from_classes(positive: Sequence[str], known: pl.Series) -> pl.Expr:
    """`1` where the diagnosis is among `positive`, `0` elsewhere, null where there is none."""
    names = sorted(known.drop_nulls().unique().to_list())
    plain = [name.strip().lower() for name in names]
    times = Counter(plain)
    twice = [name for name, low in zip(names, plain, strict=True) if times[low] > 1]
    if twice:
        raise DataError(f"One diagnosis in several spellings: {listed(twice)}; write it one way.")
    unknown = sorted(set(positive) - set(names))
    if unknown:
        raise ConfigError(
            f"data.positive names {', '.join(unknown)}, which no row has as its diagnosis; "
            f"there are {', '.join(names[:12])}."
        )
    is_positive = pl.col(DIAGNOSIS).is_in(list(positive))
    return (
        pl.when(pl.col(DIAGNOSIS).is_null())
        .then(None)
        .when(is_positive)
        .then(pl.lit("1"))
        .otherwise(pl.lit("0"))
    )


def stem(column: str) -> pl.Expr:
    """An image's file name without its extension: the key where a table names files."""
    return pl.col(column).str.replace(r"(?i)\.(jpe?g|png)$", "").alias(ID)
