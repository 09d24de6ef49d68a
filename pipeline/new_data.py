"""What `make predict DATA=` is given: tables, with pictures or without, or pictures alone.

Reads DATA, a folder or one ZIP or HDF5 file of pictures; gives rows like those of the sample table.
Every picture is decoded once before any work begins: damage is told now, not hours later.
"""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import polars as pl

from folds.findings import Findings, plural
from folds.images import ITEM, ImageReader, image_files, references_in
from folds.samples import build_samples
from folds.schema import ID, IMAGE, PATIENT, SPLIT, TEST
from folds.sources import DataConfig, Source, open_source
from models.input.folder import called, damaged_in, names_in
from pipeline.job import Job
from workspace.errors import DataError, listed, name_some
from workspace.hashing import sha256_text
from workspace.machine import reading_processes

NEW = "new"  # how the embeddings of new rows are called, before their hash
TABLES = (".csv", ".npz")  # a folder with one of these holds no pictures alone


@dataclass(frozen=True)
class NewData:
    """Where the rows are, and a hash of all that they are read from."""

    place: Path  # the folder, or the one file
    source: Source | None  # None: pictures alone
    hashes: dict[str, str]

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

    @property
    def reader(self) -> ImageReader:
        return ImageReader(self.folder)

    def forget(self, run: Path) -> None:
        """Remove what networks saw of these rows, once it is of no more use."""
        for folder in sorted(run.glob(f"embeddings/*/{NEW}_{self.hash}_*")):
            shutil.rmtree(folder)


def open_data(job: Job, *, sees: bool) -> NewData:
    """What DATA holds; `sees`: the run has networks, so pictures are of use to it."""
    config = job.recipe.data
    source = _looking(config if sees else config.model_copy(update={"images": "none"}))
    if sees and config.images != "none" and _pictures_alone(config.folder):
        return NewData(config.folder, None, {"pictures": job.hashes.of(config.folder)})
    paths = {path.relative_to(config.folder).as_posix(): path for path in source.inputs()}
    return NewData(config.folder, source, {n: job.hashes.of(path) for n, path in paths.items()})


def read_rows(job: Job, data: NewData, columns: list[str]) -> pl.DataFrame:
    """The rows by id: as in the sample table, or of pictures alone their id and reference.

    `columns` are the clinical ones that the run's features were made of.
    """
    if data.source is None:
        return _without_damage(job, data, pictures_in(job, data.place))
    findings = Findings()
    samples = build_samples(data.source, findings, columns)
    job.stop_on_errors(findings)
    # Who lacks a picture is told by what becomes of it; a notice of the same would say it twice.
    findings.notices[:] = [f for f in findings.notices if f.check != "images-missing"]
    job.show_notices(findings)
    if samples[IMAGE].null_count() == len(samples):
        _refuse_strangers(data.source)
    return _without_damage(job, data, samples.with_columns(pl.lit(TEST).alias(SPLIT)))


def refuse_half_seen(job: Job, rows: pl.DataFrame, *, known: bool) -> None:
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


def _looking(config: DataConfig) -> Source:
    """The recipe's source; pictures are looked for, and what of them is not there is no error."""
    there = tuple(name for name in config.images_in if (config.folder / name).exists())
    none = config.images == "none" or (config.images_in and not there)
    found = {"images": "none" if none else "some", "images_in": there}
    return open_source(config.model_copy(update=found))


def _pictures_alone(place: Path) -> bool:
    """One file is pictures; a folder is, if no table lies in it and a picture lies below."""
    if not place.is_dir():
        return place.is_file()
    tables = (path for path in place.iterdir() if path.suffix.lower() in TABLES)
    return not any(tables) and bool(image_files(place))


def pictures_in(job: Job, place: Path) -> pl.DataFrame:
    """Every picture is a row and a patient of its own, called like its file."""
    if place.is_dir():
        names = names_in(place)
    else:
        findings = Findings()
        items = references_in(place, findings)
        job.stop_on_errors(findings)
        if not items:
            raise DataError(f"There is no picture in {place}.")
        names = {name: f"{place.name}{ITEM}{item}" for name, item in called(items).items()}
    nobody = pl.lit(None, dtype=pl.String).alias(PATIENT)
    rows = pl.DataFrame({ID: list(names), IMAGE: list(names.values())})
    return rows.with_columns(nobody).sort(ID)


def _refuse_strangers(source: Source) -> None:
    """Pictures that are of no row are rather named wrongly than none."""
    others = source.index(Findings())[ID].to_list() if source.config.images != "none" else []
    if others:
        raise DataError(
            f"No row of the new data has a picture, but {plural(len(others), 'picture')} of other "
            f"names {'is' if len(others) == 1 else 'are'} there: {listed(others)}; call them by "
            'the rows\' ids, or score by the tables alone with SET="data.images=none".'
        )


def _without_damage(job: Job, data: NewData, rows: pl.DataFrame) -> pl.DataFrame:
    """Rows without their damaged pictures; of pictures alone the row goes with it."""
    seen = rows.filter(pl.col(IMAGE).is_not_null())
    damaged = damaged_pictures(job, data.folder, dict(seen.select(ID, IMAGE).iter_rows()))
    is_damaged = pl.col(ID).is_in(list(damaged))
    if data.source is not None:
        image = pl.when(is_damaged).then(None).otherwise(pl.col(IMAGE))
        return rows.with_columns(image.alias(IMAGE))
    whole = rows.filter(~is_damaged)
    if whole.is_empty():
        raise DataError(f"No picture of {data.place} can be decoded.")
    return whole


def damaged_pictures(job: Job, folder: Path, names: Mapping[str, str]) -> dict[str, str]:
    """Those that cannot be decoded, with the reason; they stop, or are named, as the recipe says.

    `names` are ids and references below the folder.
    """
    with job.progress("Looking at pictures") as show:
        damaged = damaged_in(folder, dict(names), reading_processes(), show)
    drops = job.recipe.verify.corrupt_images == "drop"
    for reason in damaged.values():
        job.say(f"{'notice' if drops else 'error'}: {reason}")
    if damaged and not drops:
        raise DataError(
            f"Damaged pictures: {listed(list(damaged))}; mend them, or leave them out with "
            'SET="verify.corrupt_images=drop".'
        )
    return damaged
