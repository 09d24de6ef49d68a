"""The run as one page, as a task: of whatever units it has, made again when one of them changes."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipeline.asked import report_config
from pipeline.cases import FOLDER as CASES
from pipeline.cases import case_sheets, showing
from pipeline.job import Job
from pipeline.run_sheets import sheets_of
from pipeline.run_units import finished_units, makings_hash
from pipeline.typed import Typed, typed_again
from reports.card.card import card
from reports.config import ReportConfig
from reports.curves.explorer import FILES
from reports.pages.page import look_hash
from reports.report import report
from workspace.errors import ArtifactError
from workspace.manifest import NAME, Manifest
from workspace.sources import sources_of
from workspace.tasks import Task
from workspace.units import Draft, Unit

FILE, CARD = "report.html", "model_card.md"
SPEAKING = ("stack", "folds", "samples")  # whose recipe the page shows, the first that is there


def showing_cases(job: Job) -> Task | None:
    """The lesions that the page shows, made before it; None of a run without a stack."""
    config, newest = _asked(job, finished_units(job.run))
    return showing(job, config, newest)


def reporting(job: Job, shown: Unit | None = None) -> Task:
    """The page of all that is finished in the run, with the lesions that `shown` has."""
    units = finished_units(job.run)
    config, newest = _asked(job, units)
    typed = typed_again(job.recipe, newest.recipe, job.run)
    return Task(
        job.results / "report",
        "report",
        write_report,
        settings={
            "code": sources_of(write_report), "look": look_hash(FILES), "again": typed.words,
            "unsaid": typed.unsaid, "report": config.model_dump(mode="json"),
        },
        inputs={
            **{name: job.hashes.of(unit.folder / NAME) for name, unit in units.items()},
            "every manifest": makings_hash(job.run, job.hashes),
            **({} if shown is None else {CASES: shown.content()}),
        },
        arguments={
            "run": job.run, "recipe": newest.recipe, "typed": typed,
            "shown": None if shown is None else shown.folder,
        },
        as_of=newest,
    )  # fmt: skip


def write_report(
    draft: Draft, run: Path, recipe: Mapping[str, Any], typed: Typed, shown: Path | None
) -> None:
    """One page of what the units say, and the card."""
    sheets = replace(sheets_of(run, recipe, typed), cases=case_sheets(shown))
    draft.text(FILE, report(sheets))
    draft.text(CARD, card(sheets))


def _asked(job: Job, units: Mapping[str, Unit]) -> tuple[ReportConfig, Manifest]:
    """What the page may show, and the manifest that speaks for the run."""
    if not units:
        raise ArtifactError(f"{job.run} holds nothing finished; run 'make folds' first.")
    newest = next(units[name] for name in (*SPEAKING, *units) if name in units).manifest
    config = report_config(job.recipe, newest.recipe)
    recipe = {**newest.recipe, "report": config.model_dump(mode="json")}
    return config, newest.model_copy(update={"recipe": recipe})
