"""Whose each image is, as a task, where the recipe names a folder of HAM10000 that knows it.

Reads the source's images and those of the folder; writes <run>/lesions/lesions.csv, one row an
image that is one of them. It is made once, and read by the source as any other file of lesions.
"""

import polars as pl

from folds.findings import Findings
from folds.images import ImageReader
from folds.matching import (
    CANDIDATES,
    LEAST,
    MARGIN,
    SIDE,
    lesion_table,
    match,
    report_unmatched,
    small_copies,
)
from folds.schema import DIAGNOSIS, ID, IMAGE, LESION, SPLIT, VALID
from folds.sources import DataConfig, Source, open_source
from folds.sources.dermamnist import LESION_FILE_COLUMNS
from folds.tables import is_there
from pipeline.job import Job
from pipeline.notices import NOTICES
from pipeline.samples import decoders, source_hashes
from workspace.arrays import Floats32
from workspace.errors import ConfigError, DataError, listed
from workspace.orders import Needs
from workspace.tasks import Task
from workspace.units import Draft

FILE = "lesions.csv"
KNOWS_LESIONS = "ham10000"  # the source of such a folder


def with_lesions(job: Job) -> DataConfig:
    """The recipe's data, its lesions in a file: as it is named, or as they are matched."""
    data = job.recipe.data
    if data.lesions is None or not data.lesions.is_dir():
        return data
    open_source(data)  # a source that does not read them says so before anything is matched
    unit, new = job.make(matching(job))
    if new:
        job.show_notices_of(unit)
        job.say(
            f"verify: {unit.facts['matched']} of {unit.facts['images']} images are pictures of "
            f"{data.lesions.name}; see {unit.folder / FILE}."
        )
    return data.model_copy(update={"lesions": unit.path(FILE)})


def matching(job: Job) -> Task:
    """Lesions by pixels: dear, and the same as long as both collections are."""
    data = job.recipe.data
    if data.images == "none":
        raise ConfigError(
            "data.lesions names a folder, with whose pictures the images are matched, and "
            "data.images is 'none'; name a CSV of lesions, or take data.images='all'."
        )
    ours = data.model_copy(update={"lesions": None})
    theirs = DataConfig(
        source=KNOWS_LESIONS, folder=data.lesions, group="lesion", positive=data.positive,
        pixel_limit=data.pixel_limit,
    )  # fmt: skip
    table = open_source(theirs).table_path()
    if not is_there(table):
        raise DataError(
            f"{data.lesions} holds no {table.name}; name a folder of HAM10000 in data.lesions, "
            "or a CSV of lesions."
        )
    inputs = {
        f"{place}/{name}": sha256
        for place, config in (("images", ours), ("pictures", theirs))
        for name, sha256 in source_hashes(job, open_source(config)).items()
    }
    return Task(
        job.run / "lesions",
        "verify",
        match_lesions,
        settings={"side": SIDE, "candidates": CANDIDATES, "least": LEAST, "margin": MARGIN,
                  "pixel_limit": data.pixel_limit, **decoders()},
        inputs=inputs,
        arguments={"ours": ours, "theirs": theirs},
        needs=Needs(memory_gb=1.0),
        stays=True,
    )  # fmt: skip


def match_lesions(draft: Draft, ours: DataConfig, theirs: DataConfig) -> None:
    """Each image with the HAM10000 picture that it is, and with that one's lesion."""
    images, pictures = (_with_pictures(open_source(config)) for config in (ours, theirs))
    if len(images) > len(pictures):
        raise DataError(
            f"{theirs.folder} has {len(pictures)} pictures, fewer than there are images "
            f"({len(images)}); name the whole HAM10000 in data.lesions."
        )
    lesions = pictures[LESION].rank("dense").to_numpy().astype("int64")
    found = match(_copies(draft, ours, images), _copies(draft, theirs, pictures), lesions)
    table, findings = lesion_table(images, pictures, found), Findings()
    report_unmatched(table, theirs.folder.name, findings)
    matched = table.filter(pl.col("problem").is_null())
    as_published = pl.col(SPLIT).replace(VALID, "val")
    draft.csv(FILE, matched.with_columns(as_published).select(LESION_FILE_COLUMNS))
    draft.json(NOTICES, findings.as_json()["notices"])
    draft.facts.update(
        images=len(table), matched=len(matched), least_correlation=matched["corr"].min()
    )


def _with_pictures(source: Source) -> pl.DataFrame:
    """Ids, classes, lesions and references of the rows, by id; each must have its picture."""
    findings = Findings()
    rows, index = source.read(findings), source.index(findings)
    findings.raise_errors()
    known = rows.select(ID, DIAGNOSIS, LESION, SPLIT).sort(ID)
    lacking = known.join(index, on=ID, how="anti")[ID].to_list()
    if lacking:
        raise DataError(
            f"Pictures missing in {source.folder}: {listed(lacking)}; all are wanted, for an image "
            "without its own is most like another lesion's."
        )
    return known.join(index, on=ID, how="left", maintain_order="left")


def _copies(draft: Draft, data: DataConfig, rows: pl.DataFrame) -> Floats32:
    with draft.progress(f"Looking at {data.source}") as show:
        return small_copies(ImageReader(data.folder, data.pixel_limit), rows[IMAGE].to_list(), show)
