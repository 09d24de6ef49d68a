"""What a submission is worth: two CSVs joined by id, as a task."""

import re
from pathlib import Path

import polars as pl

from folds.findings import Findings
from folds.schema import AGE, HOSPITAL, ID, PATIENT, SEX, SITE, TARGET
from metrics.score_sheet import ScoreConfig, score_sheet
from metrics.subgroups import age_bands, skin_colour
from pipeline.job import Job
from pipeline.notices import stop_on_errors
from submissions.solution import LIGHTNESS, YELLOWNESS, Solution, read_solution
from submissions.submission import joined, read_submission
from workspace.errors import DataError
from workspace.hashing import sha256_file, sha256_text
from workspace.progress import Desk
from workspace.tasks import Task
from workspace.units import Draft

FILE = "score.json"
TIES_ALLOWED = 0.001  # of the rows; beyond, the file was most likely written with few decimals


def scoring(job: Job, solution: Path, submission: Path) -> Task:
    """The score sheet of one submission against one solution."""
    inputs = {"solution": hash_of(solution), "submission": hash_of(submission)}
    both = sha256_text(inputs["solution"] + inputs["submission"])
    stem = re.sub(r"[^A-Za-z0-9_.-]", "_", submission.stem)[:60]
    return Task(
        job.run / "scores" / f"{stem}-{both[:8]}",
        "score",
        score_submission,
        settings={"score": job.recipe.score.model_dump(mode="json")},
        inputs=dict(inputs),
        arguments={"solution": solution, "submission": submission, "config": job.recipe.score},
    )


def score_submission(draft: Draft, solution: Path, submission: Path, config: ScoreConfig) -> None:
    """Check both files, join them by id and compute the sheet."""
    truth = truth_of(draft.desk, solution)
    rows = joined_with(draft.desk, truth, submission, "score")
    with draft.progress("Drawing patients again") as show:
        sheet = score_sheet(
            rows[TARGET].to_numpy(),
            rows["score"].to_numpy(),
            rows[PATIENT] if truth.has_patients else None,
            subgroups_of(rows),
            config,
            show,
        )
    ties = sheet["ties"]
    if ties["tied_rows"] > TIES_ALLOWED * sheet["n"]:
        sheet["notes"].append(
            f"{ties['tied_rows']} of {sheet['n']} scores are tied with another "
            f"({ties['largest']} at {ties['largest_at']!r}); ties count as half. If the file was "
            "rounded, write full float64 precision."
        )
    draft.json(FILE, sheet)
    draft.facts["pauc"] = sheet["metrics"]["pauc"]["value"]


def truth_of(desk: Desk, solution: Path) -> Solution:
    """The solution, its faults told."""
    findings = Findings()
    truth = read_solution(solution, findings)
    stop_on_errors(desk, findings)
    _tell(desk, findings)
    return truth


def joined_with(desk: Desk, truth: Solution, submission: Path, name: str) -> pl.DataFrame:
    """The solution's rows with a submission's scores as column `name`, its faults told."""
    findings = Findings()
    scores = read_submission(submission, truth.rows[ID], findings)
    stop_on_errors(desk, findings)
    _tell(desk, findings)
    return joined(truth.rows, scores, name)


def _tell(desk: Desk, findings: Findings) -> None:
    for notice in findings.notices:
        desk.say(f"notice: {notice.message}", private=True, check=notice.check)


def subgroups_of(rows: pl.DataFrame) -> dict[str, pl.Series]:
    """The clinical columns that are there, each as levels."""
    levels = {
        "sex": _column(rows, SEX),
        "age": age_bands(_column(rows, AGE)),
        "site": _column(rows, SITE),
        "hospital": _column(rows, HOSPITAL),
        "skin colour (proxy)": skin_colour(_column(rows, LIGHTNESS), _column(rows, YELLOWNESS)),
    }
    return {name: values for name, values in levels.items() if values.null_count() < len(values)}


def _column(rows: pl.DataFrame, name: str) -> pl.Series:
    return rows[name] if name in rows.columns else pl.Series(name, [None] * len(rows))


def hash_of(path: Path) -> str:
    """Of a file that somebody named; refused where it is none."""
    if not path.exists():
        raise DataError(f"{path.name} is not there (looked in {path.parent}).")
    if not path.is_file():
        raise DataError(f"{path.name} in {path.parent} is not a file; name a CSV.")
    try:
        return sha256_file(path)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from error
