"""What `make predict DATA=` is given: tables, with pictures or without, or pictures alone.

Reads DATA, a folder or one ZIP or HDF5 file of pictures; gives rows like those of the sample table,
as a task. Every picture is decoded once before any work begins: damage is told now, not hours
later. What is known of the rows lies in <run>/checkpoints/ until they have their scores.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from folds.findings import Findings, plural
from folds.images import ITEM, ImageReader, image_files, references_in, unread_in
from folds.samples import build_samples
from folds.schema import ID, IMAGE, PATIENT, SPLIT, TEST
from folds.sources import DataConfig, Source, open_source
from models.input.folder import called, damaged_in, names_in, turned_in
from pipeline.notices import NOTICES, stop_on_errors
from workspace.atomic import remove_folder
from workspace.errors import DataError, listed, name_some
from workspace.hashing import HashMemory, sha256_text
from workspace.machine import reading_processes
from workspace.progress import Desk
from workspace.tasks import Task
from workspace.units import Draft

if TYPE_CHECKING:
    from pipeline.job import Job

PREDICT = "predict"
ROWS = "rows.parquet"
NEW = "new"  # how the embeddings of new rows are called, before their hash
TABLES = (".csv", ".npz")  # a folder with one of these holds no pictures alone


@dataclass(frozen=True)
class NewData:
    """Where the rows are, and a hash of all that they are read from."""

    config: DataConfig  # with the pictures that are there
    alone: bool  # pictures without a table
    blind: bool  # told not to look at pictures: data.images='none'
    hashes: dict[str, str]

    @property
    def place(self) -> Path:
        """The folder, or the one file."""
        return self.config.folder

    @property
    def folder(self) -> Path:
        """Below it the references of pictures lie."""
        return self.place if self.place.is_dir() else self.place.parent

    @cached_property
    def hash(self) -> str:
        """Eight digits for all of it."""
        return sha256_text(str(sorted(self.hashes.items())))[:8]

    @property
    def name(self) -> str:
        """What its prediction is called."""
        return f"{self.place.resolve().name}-{self.hash}"

    def working(self, results: Path) -> Path:
        """Where what is known of the rows is kept until they have their scores."""
        return results / "checkpoints" / f"{PREDICT}_{self.name}"

    def forget(self, results: Path) -> None:
        """Remove what was read, and what networks saw of it, once it is of no more use."""
        for folder in sorted(results.glob(f"embeddings/*/{NEW}_{self.hash}_*")):
            remove_folder(folder)
        remove_folder(self.working(results))


def open_data(job: "Job", *, sees: bool) -> NewData:
    """What DATA holds; `sees`: the run has networks, so pictures are of use to it."""
    return data_in(job.recipe.data, job.hashes, sees=sees)


def data_in(asked: DataConfig, hashes: HashMemory, *, sees: bool) -> NewData:
    """The same of a folder that somebody else than a recipe names."""
    config = _there(asked if sees else asked.model_copy(update={"images": "none"}))
    if sees and asked.images != "none" and pictures_alone(asked.folder):
        pictures = {"pictures": hashes.of(asked.folder)}
        return NewData(config, alone=True, blind=False, hashes=pictures)
    source = open_source(config)
    named = {source.input_name(path): hashes.of(path) for path in source.inputs()}
    return NewData(config, alone=False, blind=asked.images == "none", hashes=named)


def reading(job: "Job", data: NewData, columns: list[str]) -> Task:
    """The rows; `columns` are the clinical ones that the run's features were made of."""
    drop = job.recipe.verify.corrupt_images == "drop"
    return Task(
        data.working(job.results) / "rows",
        PREDICT,
        read_rows,
        settings={
            "data": data.config.settings(),
            "columns": columns, "drop": drop,
        },
        inputs=dict(data.hashes),
        arguments={"data": data, "columns": columns, "drop": drop},
    )  # fmt: skip


def read_rows(draft: Draft, data: NewData, columns: list[str], drop: bool) -> None:
    """The rows by id: as in the sample table, or of pictures alone their id and reference."""
    findings = Findings()
    rows = rows_in(draft.desk, data, columns, findings)
    seen = dict(rows.select(ID, IMAGE).drop_nulls().iter_rows())
    reader = ImageReader(data.folder, data.config.pixel_limit)
    damaged = damaged_pictures(draft.desk, reader, seen, drop=drop)
    for name, reason in damaged.items():
        findings.notice("images-corrupt", reason, [name])
    whole = {name: reference for name, reference in seen.items() if name not in damaged}
    if turned := turned_in(reader, whole):
        findings.notice("images-turned", as_turned(turned), turned)
    # Who lacks a picture is told by what becomes of it; a notice of the same would say it twice.
    notices = [one for one in findings.as_json()["notices"] if one["check"] != "images-missing"]
    draft.parquet(ROWS, _without(damaged, data, rows))
    draft.json(NOTICES, notices)


def rows_in(desk: Desk, data: NewData, columns: list[str], findings: Findings) -> pl.DataFrame:
    """The rows by id, before anyone looks at a picture."""
    if data.alone:
        return pictures_in(desk, data.place)
    source = open_source(data.config)
    rows = build_samples(source, findings, columns).with_columns(pl.lit(TEST).alias(SPLIT))
    stop_on_errors(desk, findings)
    if rows[IMAGE].null_count() == len(rows):
        _refuse_strangers(source)
    return rows


def refuse_half_seen(job: "Job", rows: pl.DataFrame, *, known: bool) -> None:
    """Some rows without a picture: possible if some training rows had none either (`known`).

    Otherwise the boosters never saw a row without what networks say, and scores of two parts of
    the stack would not lie on one scale.
    """
    blind = rows.filter(pl.col(IMAGE).is_null())[ID].to_list()
    if not known:
        raise DataError(
            f"{plural(len(blind), 'row')} of the new data without a picture: {listed(blind)}; the "
            "run learnt from none such. Add the pictures, or score all rows by the tables alone "
            'with SET="data.images=none".'
        )
    job.say(
        f"notice: {plural(len(blind), 'row')} without a picture, as in training: networks say "
        f"nothing there: {name_some(blind)}."
    )


def _there(config: DataConfig) -> DataConfig:
    """The recipe's data; pictures are looked for, and what of them is not there is no error."""
    there = tuple(name for name in config.images_in if (config.folder / name).exists())
    none = config.images == "none" or (config.images_in and not there)
    # Lesions are of the images that the run learnt from.
    found = {"images": "none" if none else "some", "images_in": there, "lesions": None}
    return config.model_copy(update=found)


def pictures_alone(place: Path) -> bool:
    """One file is pictures; a folder is, if no table lies in it and a picture lies below."""
    if not place.is_dir():
        return place.is_file()
    tables = (path for path in place.iterdir() if path.suffix.lower() in TABLES)
    return not any(tables) and bool(image_files(place) or unread_in(place))


def pictures_in(desk: Desk, place: Path) -> pl.DataFrame:
    """Every picture is a row and a patient of its own, called like its file."""
    notice_unread(desk, place)
    if place.is_dir():
        names = names_in(place)
    else:
        findings = Findings()
        items = references_in(place, findings)
        stop_on_errors(desk, findings)
        if not items:
            raise DataError(f"There is no picture in {place}.")
        names = {name: f"{place.name}{ITEM}{item}" for name, item in called(items).items()}
    nobody = pl.lit(None, dtype=pl.String).alias(PATIENT)
    rows = pl.DataFrame({ID: list(names), IMAGE: list(names.values())})
    return rows.with_columns(nobody).sort(ID)


def notice_unread(desk: Desk, place: Path) -> None:
    """Pictures that are passed over are no pictures that are not there."""
    if unread := unread_in(place):
        desk.say(f"notice: {unread}", private=True)


def as_turned(names: Sequence[str]) -> str:
    """One sentence about pictures that are seen as their EXIF says, as those of training are."""
    return f"{plural(len(names), 'picture')} turned as EXIF says: {listed(names)}."


def _refuse_strangers(source: Source) -> None:
    """Pictures that are of no row are rather named wrongly than none."""
    others = source.index(Findings())[ID].to_list() if source.config.images != "none" else []
    if others:
        raise DataError(
            f"No row of the new data has a picture, but {plural(len(others), 'picture')} of other "
            f"names {'is' if len(others) == 1 else 'are'} there: {listed(others)}; call them by "
            'the rows\' ids, or score by the tables alone with SET="data.images=none".'
        )


def _without(damaged: Mapping[str, str], data: NewData, rows: pl.DataFrame) -> pl.DataFrame:
    """Rows without their damaged pictures; of pictures alone the row goes with it."""
    is_damaged = pl.col(ID).is_in(list(damaged))
    if not data.alone:
        image = pl.when(is_damaged).then(None).otherwise(pl.col(IMAGE))
        return rows.with_columns(image.alias(IMAGE))
    whole = rows.filter(~is_damaged)
    if whole.is_empty():
        raise DataError(f"No picture of {data.place} can be decoded.")
    return whole


def damaged_pictures(
    desk: Desk, reader: ImageReader, names: Mapping[str, str], *, drop: bool
) -> dict[str, str]:
    """Those that cannot be decoded, with the reason; an error if they are not to be left out.

    `names` are ids and references below the reader's folder.
    """
    with desk.progress("Looking at pictures") as show:
        damaged = damaged_in(reader, dict(names), reading_processes(), show)
    if damaged and not drop:
        for reason in damaged.values():
            desk.say(f"error: {reason}", private=True)
        raise DataError(
            f"Damaged pictures: {listed(list(damaged))}; mend them, or leave them out with "
            'SET="verify.corrupt_images=drop".'
        )
    return damaged
