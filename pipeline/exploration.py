"""What the data say before any model, as a task: eda.json with every number, and its page.

Reads what `make verify` keeps, and of folds with a test side who is learnt from: no other label is
looked at. Nothing that a model is made of is made of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from folds.explored import diagnoses, looked_at
from folds.frozen import FILE
from folds.groups import GROUP, joined_groups, own_groups
from folds.images import ImageReader
from folds.schema import ID, SPLIT, TARGET, TEST
from folds.sides import SIDED
from folds.sources import DataSettings, Source
from metrics.bootstrap import BootstrapConfig
from metrics.cohort import cohort
from pipeline import explored_pictures, explored_rows
from pipeline.explored_rows import Looked
from pipeline.job import Job
from pipeline.look_alikes import LIST
from pipeline.recipe import Recipe
from pipeline.samples import DUPLICATES, IMAGES, REPORT, SAMPLES
from reports.config import ReportConfig
from reports.eda.page import eda_page
from reports.eda.sheets import Eda, LookedAt
from reports.eda.shown import Shown
from reports.pages.page import look_hash
from workspace.orders import Needs
from workspace.tasks import Task
from workspace.units import Draft, Unit, open_unit

EDA, SHEET, PAGE = "eda", "eda.json", "eda.html"
DRAWS = 500  # resamples of an interval here: many columns, and nothing is decided by an end
WITH_SIDES = (*SIDED, "by_image")  # of which the last leaks on purpose
TABLES = (SAMPLES, IMAGES, DUPLICATES, REPORT)
DROPPED = ("empty-column", "constant-column")  # what `make verify` noticed of columns


@dataclass(frozen=True)
class Files:
    """Folders of the units that it reads; `folds` where these have a test side."""

    samples: Path
    folds: Path | None
    shards: tuple[Path, ...]


@dataclass(frozen=True)
class Asked:
    """What of the recipe it reads."""

    name: str
    about: str
    seed: int
    level: float
    pictures: bool | None
    quoted: Mapping[str, Any]


def has_sides(recipe: Recipe) -> bool:
    """Whether the recipe's folds have a side that nothing may be chosen by."""
    return recipe.folds.scheme in WITH_SIDES


def exploring(
    job: Job, source: Source, verified: Unit, folded: Unit | None, shards: Sequence[Task] = ()
) -> Task:
    """The page of the recipe's samples; shards of `looking` are not asked for where it is done."""
    recipe = job.recipe
    asked = Asked(
        recipe.name, recipe.about, recipe.seed, recipe.score.level, recipe.report.pictures,
        quoted(recipe),
    )  # fmt: skip
    names = [name for name in (*TABLES, LIST) if name in verified.manifest.files]
    sides = {} if folded is None else {FILE: folded.sha256(FILE)}
    may_show = recipe.report.may_show(synthetic=bool(verified.manifest.facts.get("synthetic")))
    return Task(
        job.run / EDA,
        "eda",
        explore,
        settings={
            "seed": asked.seed, "level": asked.level, "draws": DRAWS, "name": asked.name,
            "about": asked.about, "pictures": may_show, "recipe": dict(asked.quoted),
            "group": source.config.group, "look": look_hash(),
        },
        inputs={name: verified.sha256(name) for name in names} | sides,
        arguments={
            "files": Files(
                verified.folder,
                None if folded is None else folded.folder,
                tuple(shard.folder for shard in shards),
            ),
            "data": source.config,
            "asked": asked,
        },
        needs=Needs(memory_gb=3.0),
        after=list(shards),
    )  # fmt: skip


def explore(draft: Draft, files: Files, data: DataSettings, asked: Asked) -> None:
    """Measure, keep every number, and draw the page of them."""
    verified = open_unit(files.samples, "verify")
    samples = verified.parquet(SAMPLES)
    folds = open_unit(files.folds, "folds").parquet(FILE) if files.folds else None
    looked = _looked(samples, folds, verified.parquet(DUPLICATES), data, asked)
    reader = ImageReader(data.folder, data.pixel_limit)
    noticed = verified.json(REPORT)["notices"]
    with draft.progress("Measuring columns") as show:
        numbers = explored_rows.numbers(looked, show)
    sheet: Eda = {
        "name": asked.name,
        "about": asked.about,
        "synthetic": bool(verified.facts["synthetic"]),
        "recipe": asked.quoted,
        "looked_at": _what(looked, samples, data, folds is None),
        "share": explored_rows.share_of_all(looked),
        "diagnoses": diagnoses(looked.rows, looked.own_groups),
        "dropped": [one["message"] for one in noticed if one["check"] in DROPPED],
        "lacking": explored_rows.lacking(looked),
        "columns": len(explored_rows.described(looked)),
        "groups": explored_rows.groups(looked),
        "hospitals": explored_rows.hospitals(looked),
        "pictures": explored_pictures.pictures(looked, verified, files.shards, reader),
        "numbers": numbers,
        "compared": explored_rows.are_compared(looked),
        "words": explored_rows.categories(looked),
        "correlations": explored_rows.correlations(looked, numbers),
        "pairs": explored_pictures.pairs(looked, samples, verified, data.group),
    }
    draft.json(SHEET, sheet)
    draft.facts.update(synthetic=sheet["synthetic"], **sheet["looked_at"])
    draft.show(PAGE, eda_page(sheet, _shown(draft, looked, sheet, reader, asked)))


def quoted(recipe: Recipe) -> dict[str, Any]:
    """The values that sentences about decisions quote."""
    used = recipe.used.items()
    return {
        "data.group": recipe.data.group,
        "folds.scheme": recipe.folds.scheme,
        "folds.stratify": recipe.folds.stratify,
        "score.min_tpr": recipe.score.min_tpr,
        "features.families": list(recipe.features.families),
        "features.z_over": dict(recipe.features.z_over),
        "verify.near_duplicates": recipe.verify.near_duplicates,
        "verify.look_alikes": recipe.verify.look_alikes,
        "data.images": recipe.data.images,
        "size": {name: one.net.size for name, one in used},
        "source_only": [name for name, one in used if one.source_only],
        "gray_world_p": {name: one.augment.gray_world_p for name, one in used},
        "views": {name: one.views for name, one in used},
    }


def _looked(
    samples: pl.DataFrame, folds: pl.DataFrame | None, pairs: pl.DataFrame,
    data: DataSettings, asked: Asked,
) -> Looked:  # fmt: skip
    """Groups are those of folds: patients who share a picture are one."""
    rows = looked_at(samples, folds)
    groups = joined_groups(own_groups(samples, data.group), pairs)
    joined = rows.select(ID).join(groups, on=ID, how="left", maintain_order="left")
    whose = None if data.group == "none" else joined[GROUP]
    draws = BootstrapConfig(replicates=DRAWS, seeds=(asked.seed,), level=asked.level)
    return Looked(rows, whose, cohort(whose, rows[TARGET].to_numpy()), draws, asked.seed)


def _what(looked: Looked, samples: pl.DataFrame, data: DataSettings, every: bool) -> LookedAt:
    """Which rows, and which were left aside."""
    tests = int((samples[SPLIT] == TEST).sum())
    aside = len(samples) - tests - len(looked.rows)
    left = {"the source's test": tests, "sides that folds hold out": aside}
    return {
        "rows": len(looked.rows),
        "positives": int(looked.positive.sum()),
        "groups": None if looked.whose is None else looked.whose.n_unique(),
        "group": data.group,
        "left": {name: n for name, n in left.items() if n},
        "every_row": every,
        "limited": data.limit,
        "replicates": looked.draws.replicates,
        "level": looked.draws.level,
    }


def _shown(
    draft: Draft, looked: Looked, sheet: Eda, reader: ImageReader, asked: Asked
) -> Shown | None:
    """None where nobody may be seen, or there is no picture."""
    allowed = ReportConfig(pictures=asked.pictures).may_show(synthetic=sheet["synthetic"])
    if not allowed or sheet["pictures"] is None:
        return None
    with draft.progress("Drawing thumbnails") as show:
        return explored_pictures.shown(looked, sheet["pairs"], reader, show)
