"""make score: what a submission is worth, with intervals, and what a scorer would refuse.

Reads two CSVs, SOLUTION (isic_id, target; with patient_id the intervals are by patient, with sex,
age and so on there are subgroups) and SUBMISSION (isic_id, target). Joins them by id. Writes
<run>/scores/<submission>-<its hash>/score.json and prints it as a table.
"""

import re
from pathlib import Path
from typing import Any

import polars as pl

from folds.findings import Findings
from folds.schema import AGE, HOSPITAL, ID, PATIENT, SEX, SITE, TARGET
from metrics.sheet import SHEET_VERSION, score_sheet
from metrics.subgroups import age_bands, skin_colour
from reports.scores import tables
from scripts.stage import Job, main
from submissions.solution import LIGHTNESS, YELLOWNESS, read_solution
from submissions.submission import joined, read_submission
from workspace.errors import ConfigError, DataError
from workspace.hashing import sha256_file, sha256_text
from workspace.units import Unit, find, making, open_unit

TIES_ALLOWED = 0.001  # of the rows; beyond, the file was most likely written with few decimals


def run(job: Job) -> Unit:
    """The score sheet of a submission, made if it is not there yet."""
    if set(job.files) != {"solution", "submission"}:
        raise ConfigError("Name both files: make score SOLUTION=a.csv SUBMISSION=b.csv.")
    solution, submission = job.files["solution"], job.files["submission"]
    inputs = {name: _hash(path) for name, path in job.files.items()}
    part = {"score": job.recipe.score.model_dump(mode="json"), "sheet_version": SHEET_VERSION}
    wanted = job.wanted("score", part, inputs)
    both = sha256_text(inputs["solution"] + inputs["submission"])
    stem = re.sub(r"[^A-Za-z0-9_.-]", "_", submission.stem)[:60]
    folder = job.run / "scores" / f"{stem}-{both[:8]}"
    done = find(folder, wanted, job.hashes, on_change="redo", fresh=job.fresh)
    if done is None:
        sheet = _scored(job, solution, submission)
        with making(folder, wanted) as draft:
            draft.json("score.json", sheet)
            draft.facts["pauc"] = sheet["metrics"]["pauc"]["value"]
        done = open_unit(folder, "score")
    job.show(tables(submission.name, done.json("score.json")))
    job.say(f"score: see {folder / 'score.json'}.", **done.facts)
    return done


def _hash(path: Path) -> str:
    if not path.exists():
        raise DataError(f"{path.name} is not there (looked in {path.parent}).")
    if not path.is_file():
        raise DataError(f"{path.name} in {path.parent} is not a file; name a CSV.")
    try:
        return sha256_file(path)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from error


def _scored(job: Job, solution: Path, submission: Path) -> dict[str, Any]:
    """Check both files, join them by id and compute the sheet."""
    findings = Findings()
    truth = read_solution(solution, findings)
    job.stop_on_errors(findings)
    scores = read_submission(submission, truth.rows[ID], findings)
    job.stop_on_errors(findings)
    job.show_notices(findings)
    rows = joined(truth.rows, scores, "score")
    with job.progress("Drawing patients again") as show:
        sheet = score_sheet(
            rows[TARGET].to_numpy(),
            rows["score"].to_numpy(),
            rows[PATIENT] if truth.has_patients else None,
            subgroups(rows),
            job.recipe.score,
            show,
        )
    ties = sheet["ties"]
    if ties["tied_rows"] > TIES_ALLOWED * sheet["n"]:
        sheet["notes"].append(
            f"{ties['tied_rows']} of {sheet['n']} scores are tied with another "
            f"({ties['largest']} at {ties['largest_at']!r}); ties count as half. If the file was "
            "rounded, write full float64 precision."
        )
    return sheet


def subgroups(rows: pl.DataFrame) -> dict[str, pl.Series]:
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


if __name__ == "__main__":
    main(run, files={"solution": "CSV of the truth", "submission": "CSV of the scores"})
