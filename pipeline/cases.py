"""The lesions that a report shows, and what moves scores, as a task.

A unit in <run>/cases/: explained.json and places.json are sums over many rows; cases.json has the
lesions that are most wrong, with pictures and ids, and is there only where pages may show them.
What makes it is in `shown_cases`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from folds.frozen import FILE
from folds.headers import PIXEL_LIMIT
from metrics.retrieval import TOP
from models.networks.config import NetworkConfig
from pipeline.asked import recipe_of
from pipeline.job import Job
from pipeline.machine import Machine
from pipeline.picture_rows import PictureFiles
from pipeline.samples import IMAGES, SAMPLES
from pipeline.stacked import OOF
from pipeline.unit_files import TRAINING
from pipeline.unseen_members import STACK
from reports.cases.section import CaseSheets
from reports.config import ReportConfig
from workspace.hashing import sha256_text
from workspace.manifest import Manifest, load_manifest
from workspace.orders import Needs
from workspace.sources import sources_of
from workspace.tasks import Task
from workspace.units import Unit, open_unit

FOLDER, MAKER = "cases", "pipeline.shown_cases:fill_cases"
CASES, EXPLAINED, PLACES = "cases.json", "explained.json", "places.json"
UNKNOWN_FOLDER = (
    "No picture is shown: this call does not know where they lie. Name the recipe of this run with "
    "RECIPE=."
)
MOVED = "No picture is shown: they do not lie where they were. Name their folder with DATA=."


class UnexplainedError(Exception):
    """Why a part of a page is not there; its words are for the page."""


@dataclass(frozen=True)
class StackParts:
    """What a finished stack was made of, where it lies in its run."""

    run: Path
    samples: Path
    folded: Path
    featured: Path
    stack: Mapping[str, Any]  # the section of the recipe that it was made by

    def boosters(self, fold: int) -> Path:
        return self.run / "boosters" / f"{STACK}_fold_{fold}"


@dataclass(frozen=True)
class Seeing:
    """Where pictures and networks of a run are, as it travels."""

    files: PictureFiles
    run: Path
    networks: tuple[tuple[str, NetworkConfig], ...]  # of the recipe, in its order
    machine: Machine


@dataclass(frozen=True)
class Asked:
    """What is to be shown of whom."""

    config: ReportConfig
    may_show: bool
    group: str
    top_k: int
    seed: int
    unseen: str = ""  # why the run's pictures are not looked at


def showing(job: Job, config: ReportConfig, newest: Manifest) -> Task | None:
    """The lesions of a run that has a stack; None without one, or where it is of other rows."""
    names = (STACK, "samples", "folds", "features")
    stacked, samples, folded, featured = (_found(job.run / name) for name in names)
    if stacked is None or samples is None or folded is None:
        return None
    rows = {SAMPLES: samples.sha256(SAMPLES), FILE: folded.sha256(FILE)}
    if any(stacked.manifest.inputs.get(name) != sha for name, sha in rows.items()):
        return None
    made = stacked.manifest.recipe
    may_show = config.may_show(synthetic=bool(samples.facts.get("synthetic")))
    seeing, unseen = _seeing(job, made, samples, folded) if may_show else (None, "")
    inputs = {OOF: stacked.sha256(OOF), **rows}
    inputs |= {} if featured is None else {TRAINING: featured.sha256(TRAINING)}
    inputs |= _contents(job.run, f"boosters/{STACK}_fold_*", "blocks/*")
    if seeing is not None:
        inputs |= {IMAGES: samples.sha256(IMAGES)}
        for name, _ in seeing.networks:
            inputs |= _contents(job.run, f"networks/{name}", f"networks/{name}_fold_*")
        inputs["pictures' folder"] = sha256_text(str(seeing.files.images.resolve()))
    top_k = made["score"].get("top_k", TOP)  # a run of before has none
    asked = Asked(config, may_show, made["data"]["group"], top_k, newest.seed, unseen)
    return Task(
        job.results / FOLDER,
        "report",
        MAKER,
        settings={
            "report": config.model_dump(mode="json"), "shown": may_show, "unseen": unseen,
            "code": sources_of(MAKER),
        },
        inputs=dict(inputs),
        arguments={
            "stacked": stacked.folder, "seeing": seeing, "asked": asked,
            "parts": StackParts(
                job.run, samples.folder, folded.folder, job.run / "features", made["stack"]
            ),
        },
        needs=Needs(memory_gb=4.0),
        as_of=newest,
    )  # fmt: skip


def case_sheets(folder: Path | None) -> CaseSheets | None:
    """What a page reads of the unit."""
    if folder is None:
        return None
    unit = open_unit(folder, "report")
    cases = unit.json(CASES) if CASES in unit.manifest.files else None
    return CaseSheets(unit.json(EXPLAINED), unit.json(PLACES), cases)


def _seeing(
    job: Job, made: Mapping[str, Any], samples: Unit, folded: Unit
) -> tuple[Seeing | None, str]:
    """Where pictures lie, if the run has any, or why that is not known."""
    if made["data"]["images"] == "none":
        return None, ""
    recipe = recipe_of(made, job.recipe)
    if recipe is None:
        return None, UNKNOWN_FOLDER
    folder = recipe.data.folder
    if not folder.is_dir():
        return None, MOVED
    files = PictureFiles(
        samples.folder, folded.folder, folder, made["data"]["group"], samples.sha256(SAMPLES),
        folded.sha256(FILE), samples.sha256(IMAGES), made["data"].get("pixel_limit", PIXEL_LIMIT),
    )  # fmt: skip
    return Seeing(files, job.run, tuple(recipe.used.items()), Machine.of(job)), ""


def _found(folder: Path) -> Unit | None:
    manifest = load_manifest(folder)
    return None if manifest is None else Unit(folder, manifest)


def _contents(run: Path, *patterns: str) -> dict[str, str]:
    """What these folders of the run hold, by where they lie in it."""
    folders = [folder for pattern in patterns for folder in sorted(run.glob(pattern))]
    units = {folder.relative_to(run).as_posix(): _found(folder) for folder in folders}
    return {name: unit.content() for name, unit in units.items() if unit is not None}
