"""Any pictures of your own: one folder a class, `<folder>/<class>/*.jpg`.

Ids are `<class>__<file name without extension>`. An optional groups.csv with the columns `image`
(`<class>/<file>`) and `patient_id` says which pictures belong to one patient: of all or of none.
"""

from pathlib import Path
from typing import ClassVar

import polars as pl

from folds.findings import Findings, plural
from folds.images import is_image, refuse_odd_bytes
from folds.schema import DIAGNOSIS, ID, IMAGE, PATIENT, SPLIT, TARGET, TRAIN, identifier
from folds.sources.settings import Group
from folds.sources.source import Source, target_from_classes, with_core
from folds.tables import is_there
from workspace.errors import DataError, listed, name_some

COLUMNS = (identifier("image"), identifier(PATIENT))


class ImageFolder(Source):
    """Class folders, optional groups."""

    id_pattern: ClassVar[str] = r"[A-Za-z0-9][A-Za-z0-9 ()+_.-]{0,149}"
    id_example: ClassVar[str] = "<class>__<file>, in ASCII letters, digits, spaces and ()+_.-"
    table: ClassVar[str] = "groups.csv"

    @classmethod
    def known_group(cls, folder: Path, table: str | None) -> Group:
        return "patient" if is_there(folder / (table or cls.table)) else "none"

    def places(self) -> list[Path]:
        return self._classes()

    def inputs(self) -> list[Path]:
        groups = self.table_path()
        return self.places() + ([groups] if is_there(groups) else [])

    def read(self, findings: Findings) -> pl.DataFrame:
        rows = self.index(Findings())  # the index that is asked for by name tells what it finds
        rows = rows.with_columns(
            pl.col(IMAGE).str.extract(r"^([^/]+)/").alias(DIAGNOSIS), pl.lit(TRAIN).alias(SPLIT)
        )
        if is_there(self.table_path()):
            rows = rows.join(self._groups(rows, findings), on=IMAGE, how="left")
        target = target_from_classes(self.config.positive, rows[DIAGNOSIS])
        return with_core(rows.with_columns(target.alias(TARGET)).drop(IMAGE))

    def index(self, findings: Findings) -> pl.DataFrame:
        paths = [path for folder in self._classes() for path in sorted(folder.iterdir())]
        refuse_odd_bytes([f"{p.parent.name}/{p.name}" for p in paths], self.folder.name)
        files = [path for path in paths if is_image(path.name) and path.is_file()]
        other = [f"{path.parent.name}/{path.name}" for path in set(paths) - set(files)]
        if other:
            findings.notice(
                "not-images",
                f"{plural(len(other), 'entry', 'entries')} of class folders neither JPEG nor PNG "
                f"ignored: {name_some(sorted(other))}.",
                sorted(other),
            )
        return pl.DataFrame(
            {
                ID: [f"{path.parent.name}__{path.stem}" for path in files],
                IMAGE: [f"{path.parent.name}/{path.name}" for path in files],
            },
            schema={ID: pl.String, IMAGE: pl.String},
        )

    def _classes(self) -> list[Path]:
        if not self.folder.is_dir():
            raise DataError(f"{self.folder} is missing; name the folder of classes with DATA=.")
        folders = [path for path in self.folder.iterdir() if path.is_dir() and path.name[0] != "."]
        if not folders:
            raise DataError(f"{self.folder} has no class folders with pictures in them.")
        return sorted(folders)

    def _groups(self, rows: pl.DataFrame, findings: Findings) -> pl.DataFrame:
        groups = self.read_columns(self.table_path(), COLUMNS, findings)
        repeated = groups.filter(pl.col(IMAGE).is_duplicated()).get_column(IMAGE).unique().sort()
        if len(repeated):
            raise DataError(f"groups.csv names pictures twice: {listed(repeated.to_list())}.")
        strange = groups.join(rows, on=IMAGE, how="anti").get_column(IMAGE).to_list()
        if strange:
            raise DataError(f"groups.csv names pictures that are not there: {listed(strange)}.")
        return groups
