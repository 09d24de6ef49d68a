"""The run as one page, as a task: of whatever units it has, made again when one of them changes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.asked import report_config
from pipeline.job import Job
from pipeline.run_sheets import sheets_of
from pipeline.run_units import finished_units, makings_hash
from pipeline.typed import Typed, typed_again
from reports.curves.explorer import FILES
from reports.pages.page import look_hash
from reports.report import report
from workspace.errors import ArtifactError
from workspace.manifest import NAME
from workspace.sources import sources_of
from workspace.tasks import Task
from workspace.units import Draft

FILE = "report.html"
SPEAKING = ("stack", "folds", "samples")  # whose recipe the page shows, the first that is there


def reporting(job: Job) -> Task:
    """The page of all that is finished in the run."""
    units = finished_units(job.run)
    if not units:
        raise ArtifactError(f"{job.run} holds nothing finished; run 'make folds' first.")
    newest = next(units[name] for name in (*SPEAKING, *units) if name in units).manifest
    config = report_config(job.recipe, newest.recipe)
    newest = newest.model_copy(
        update={"recipe": {**newest.recipe, "report": config.model_dump(mode="json")}}
    )
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
        },
        arguments={"run": job.run, "recipe": newest.recipe, "typed": typed},
        as_of=newest,
    )  # fmt: skip


def write_report(draft: Draft, run: Path, recipe: Mapping[str, Any], typed: Typed) -> None:
    """One page of what the units say."""
    draft.text(FILE, report(sheets_of(run, recipe, typed)))
