"""The run as one page, as a task: of whatever units it has, made again when one of them changes."""

from collections.abc import Mapping
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import polars as pl

from folds.schema import TARGET
from pipeline.asked import report_config
from pipeline.cases import FOLDER as CASES_FOLDER
from pipeline.cases import case_sheets, showing
from pipeline.handed_in import FILE as SUBMISSION
from pipeline.hospitals import SHEET as HOSPITAL_SHEET
from pipeline.job import Job
from pipeline.recipe import recipe_names
from pipeline.stacked import IMPORTANCE, METRICS, OOF
from pipeline.tuned import SHEET, TRIALS
from pipeline.tuning import TUNE
from reports.config import ReportConfig
from reports.pages.page import look_hash
from reports.provenance import BLOCKS, NETWORKS
from reports.report import RunSheets, report
from stacking.fold import FOLD, SCORE
from workspace.errors import ArtifactError
from workspace.manifest import NAME, Manifest, load_manifest
from workspace.sources import sources_of
from workspace.tasks import Task
from workspace.units import Draft, Unit

FILE = "report.html"
HOSPITALS = "hospitals/"
COST = f"{HOSPITALS}all"
SPEAKING = ("stack", "folds", "samples")  # whose recipe the page shows, the first that is there
SHOWN = ("samples", "folds", "features", "stack", "submission", "leaks", "cascade", TUNE, COST)


def showing_cases(job: Job) -> Task | None:
    """The lesions that the page shows, made before it; None of a run without a stack."""
    config, newest = _asked(job, finished_units(job.run))
    return showing(job, config, newest)


def reporting(job: Job, shown: Unit | None = None) -> Task:
    """The page of all that is finished in the run, with the lesions that `shown` has."""
    units = finished_units(job.run)
    config, newest = _asked(job, units)
    name = newest.recipe["name"]
    again = f" RECIPE={name if name in recipe_names() else f'<path>/{name}.toml'}"
    return Task(
        job.results / "report",
        "report",
        write_report,
        settings={
            "code": sources_of(report),
            "look": look_hash(),
            "again": again,
            "report": config.model_dump(mode="json"),
        },
        inputs={name: job.hashes.of(unit.folder / NAME) for name, unit in units.items()}
        | ({} if shown is None else {CASES_FOLDER: shown.content()}),
        arguments={
            "run": job.run, "recipe": newest.recipe, "again": again,
            "shown": None if shown is None else shown.folder,
        },
        as_of=newest,
    )  # fmt: skip


def write_report(
    draft: Draft, run: Path, recipe: Mapping[str, Any], again: str, shown: Path | None
) -> None:
    """One page of what the units say."""
    sheets = _sheets(finished_units(run), recipe, again)
    draft.text(FILE, report(replace(sheets, cases=case_sheets(shown))))


def _asked(job: Job, units: Mapping[str, Unit]) -> tuple[ReportConfig, Manifest]:
    """What the page may show, and the manifest that speaks for the run."""
    if not units:
        raise ArtifactError(f"{job.run} holds nothing finished; run 'make folds' first.")
    newest = next(units[name] for name in (*SPEAKING, *units) if name in units).manifest
    config = report_config(job.recipe, newest.recipe)
    recipe = {**newest.recipe, "report": config.model_dump(mode="json")}
    return config, newest.model_copy(update={"recipe": recipe})


def finished_units(run: Path) -> dict[str, Unit]:
    """The finished units of the run by folder: the stages' own, and the networks' joined ones."""
    folders = {path.parent.relative_to(run).as_posix(): path.parent for path in _manifests(run)}
    order = [*(name for name in SHOWN if name in folders), *sorted(folders.keys() - set(SHOWN))]
    units = {}
    for name in order:
        manifest = load_manifest(folders[name])
        joined = manifest is not None and METRICS in manifest.files
        of_page = name in ("report", CASES_FOLDER)
        if manifest is not None and not of_page and (joined or NETWORKS not in name):
            units[name] = Unit(folders[name], manifest)
    return units


def _manifests(run: Path) -> list[Path]:
    inside = ("", NETWORKS, BLOCKS, HOSPITALS)
    paths = [path for folder in inside for path in run.glob(f"{folder}*/{NAME}")]
    return [path for path in paths if not path.parent.name.startswith(".")]


def _sheets(units: Mapping[str, Unit], recipe: Mapping[str, Any], again: str) -> RunSheets:
    """The contents of the units, each checked against its hash before it is read."""
    stacked, submission, tuned = (units.get(name) for name in ("stack", "submission", TUNE))
    networks = {n.removeprefix(NETWORKS): u for n, u in units.items() if n.startswith(NETWORKS)}
    return RunSheets(
        recipe=recipe,
        again=again,
        manifests={name: unit.manifest for name, unit in units.items()},
        verified=_json(units, "samples", "verify.json"),
        balance=_json(units, "folds", "balance.json"),
        stacked=_json(units, "stack", METRICS),
        rows=stacked.parquet(OOF, [TARGET, SCORE, FOLD]) if stacked else None,
        importance=_csv(stacked, IMPORTANCE) if stacked else None,
        networks={name: unit.json(METRICS) for name, unit in networks.items()},
        cascade=_json(units, "cascade", METRICS),
        tuned=(tuned.json(SHEET), tuned.parquet(TRIALS)) if tuned else None,
        hospitals=_json(units, COST, HOSPITAL_SHEET),
        leaks=_json(units, "leaks", "leaks.json"),
        handed_in=_csv(submission, SUBMISSION)[TARGET] if submission else None,
    )


def _json(units: Mapping[str, Unit], name: str, file: str) -> Any:
    return units[name].json(file) if name in units else None


def _csv(unit: Unit, file: str) -> pl.DataFrame:
    return pl.read_csv(BytesIO(unit.text(file).encode()), infer_schema_length=None)
