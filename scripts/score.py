"""make score: what a submission is worth, with intervals, and what a scorer would refuse.

Reads two CSVs, SOLUTION (isic_id, target; with patient_id the intervals are by patient, with sex,
age and so on there are subgroups) and SUBMISSION (isic_id, target). Joins them by id. Writes
<run>/scores/<submission>-<its hash>/score.json and prints it as a table.
"""

import re
from pathlib import Path
from typing import Any

import polars as pl
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from folds.findings import Findings, plural
from folds.schema import AGE, HOSPITAL, ID, PATIENT, SEX, SITE, TARGET
from metrics.score_sheet import SHEET_VERSION, ScoreSheet, score_sheet
from metrics.subgroups import age_bands, skin_colour
from scripts.stage import Job, main
from submissions.solution import LIGHTNESS, YELLOWNESS, read_solution
from submissions.submission import joined, read_submission
from workspace.errors import ConfigError, DataError, shorten
from workspace.hashing import sha256_file, sha256_text
from workspace.units import Unit, find, making, open_unit

TIES_ALLOWED = 0.001  # of the rows; beyond, the file was most likely written with few decimals
SHOWN = {
    "pauc": "pAUC above {min_tpr} TPR",
    "standardised_pauc": "  standardised (McClish)",
    "auc": "AUC",
    "average_precision": "average precision",
    "top_{top_k}_retrieval_sensitivity": "top-{top_k} retrieval sensitivity",
    "brier": "Brier score",
    "log_loss": "log loss",
    "ece": "calibration error (ECE, {bins} bins by {bins_by})",
    "calibration_slope": "calibration slope",
    "calibration_intercept": "calibration intercept",
}


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
    _print(job, submission.name, done.json("score.json"))
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


def _scored(job: Job, solution: Path, submission: Path) -> ScoreSheet:
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


def _print(job: Job, name: str, sheet: dict[str, Any]) -> None:
    whose = plural(sheet["patients"], "patient") if sheet["patients"] else "patients unknown"
    job.say(
        f"score: {name}: {plural(sheet['n'], 'row')}, {plural(sheet['positives'], 'positive')}, "
        f"{whose}."
    )
    config = job.recipe.score.model_dump()
    config["min_tpr"] = _percent(config["min_tpr"])
    table = Table("metric", "value", f"{_percent(config['level'])} interval", box=SIMPLE_HEAD)
    for key, words in SHOWN.items():
        metric = sheet["metrics"].get(key.format(**config))
        if metric is not None:
            table.add_row(words.format(**config), *_cells(metric))
    job.console.print(table)
    if sheet["subgroups"]:
        job.console.print(_subgroup_table(sheet))
    for note in sheet["notes"]:
        job.say(f"notice: {note}")


def _subgroup_table(sheet: dict[str, Any]) -> Table:
    table = Table("subgroup", box=SIMPLE_HEAD, padding=(0, 1), pad_edge=False)
    for name in ("rows", "pat.", "pos.", "pAUC", "AUC"):
        table.add_column(name, no_wrap=True)
    for entry in sheet["subgroups"]:
        counts = [str(entry["n"]), str(entry["patients"] or "-"), str(entry["positives"])]
        if entry["metrics"] is None:
            values = entry["reason"].split(" ", 1)  # read across both columns
        else:
            values = [short(entry["metrics"][name]) for name in ("pauc", "auc")]
        table.add_row(Text(shorten(f"{entry['column']}: {entry['level']}")), *counts, *values)
    return table


def _percent(share: float) -> str:
    return f"{100 * share:.6g}%"


def short(metric: dict[str, Any]) -> str:
    """A value with its interval in as few characters as can be read."""
    value, low, high = (metric[name] for name in ("value", "low", "high"))
    if value is None:
        return "undefined"
    return f"{value:.3f}" if low is None else f"{value:.3f} {low:.3f}-{high:.3f}"


def _cells(metric: dict[str, Any]) -> tuple[str, str]:
    value = "undefined" if metric["value"] is None else f"{metric['value']:.4f}"
    if metric["low"] is None:
        return value, "none"
    lost = f" ({metric['undefined']} undefined)" if metric["undefined"] else ""
    return value, f"{metric['low']:.4f} to {metric['high']:.4f}{lost}"


if __name__ == "__main__":
    main(run, files={"solution": "CSV of the truth", "submission": "CSV of the scores"})
