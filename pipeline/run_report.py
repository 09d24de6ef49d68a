"""The run as one page, as a task: of whatever units it has, made again when one of them changes."""

from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import polars as pl

from folds.schema import TARGET
from pipeline.handed_in import FILE as SUBMISSION
from pipeline.hospitals import SHEET as HOSPITAL_SHEET
from pipeline.job import Job
from pipeline.recipe import recipe_names
from pipeline.spent import spent
from pipeline.stacked import IMPORTANCE, METRICS, OOF
from pipeline.tuned import SHEET, TRIALS
from pipeline.tuning import TUNE
from reports.card.card import Spent, card
from reports.pages.page import look_hash
from reports.provenance import BLOCKS, NETWORKS
from reports.report import RunSheets, report
from stacking.fold import FOLD, SCORE
from workspace.errors import ArtifactError
from workspace.manifest import NAME, load_manifest
from workspace.sources import sources_of
from workspace.tasks import Task
from workspace.units import Draft, Unit

FILE, CARD = "report.html", "model_card.md"
HOSPITALS = "hospitals/"
COST = f"{HOSPITALS}all"
SPEAKING = ("stack", "folds", "samples")  # whose recipe the page shows, the first that is there
SHOWN = ("samples", "folds", "features", "stack", "submission", "leaks", "cascade", TUNE, COST)


def reporting(job: Job) -> Task:
    """The page of all that is finished in the run."""
    units = finished_units(job.run)
    if not units:
        raise ArtifactError(f"{job.run} holds nothing finished; run 'make folds' first.")
    newest = next(units[name] for name in (*SPEAKING, *units) if name in units).manifest
    name = newest.recipe["name"]
    again = f" RECIPE={name if name in recipe_names() else f'<path>/{name}.toml'}"
    return Task(
        job.results / "report",
        "report",
        write_report,
        settings={
            "code": sources_of(report), "card": sources_of(card), "look": look_hash(),
            "again": again,
        },
        inputs={name: job.hashes.of(unit.folder / NAME) for name, unit in units.items()},
        arguments={"run": job.run, "recipe": newest.recipe, "again": again},
        as_of=newest,
    )  # fmt: skip


def write_report(draft: Draft, run: Path, recipe: Mapping[str, Any], again: str) -> None:
    """One page of what the units say, and the card."""
    sheets = _sheets(finished_units(run), recipe, again)
    draft.text(FILE, report(sheets))
    draft.text(CARD, card(sheets, Spent(*spent(run))))


def finished_units(run: Path) -> dict[str, Unit]:
    """The finished units of the run by folder: the stages' own, and the networks' joined ones."""
    folders = {path.parent.relative_to(run).as_posix(): path.parent for path in _manifests(run)}
    order = [*(name for name in SHOWN if name in folders), *sorted(folders.keys() - set(SHOWN))]
    units = {}
    for name in order:
        manifest = load_manifest(folders[name])
        joined = manifest is not None and METRICS in manifest.files
        if manifest is not None and name != "report" and (joined or NETWORKS not in name):
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
