"""make score: what a submission is worth, with intervals, and what a scorer would refuse.

Reads two CSVs, SOLUTION (isic_id, target; with patient_id the intervals are by patient, with sex,
age and so on there are subgroups) and SUBMISSION (isic_id, target). Joins them by id. Writes
<run>/scores/<submission>-<its hash>/score.json and prints it as a table.
"""

from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from folds.findings import plural
from pipeline.job import Job
from pipeline.submission_scores import FILE, scoring
from scripts.stage import main
from workspace.errors import ConfigError, shorten
from workspace.units import Unit

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
    done, _ = job.make(scoring(job, job.files["solution"], job.files["submission"]))
    _print(job, job.files["submission"].name, done.json(FILE))
    job.say(f"score: see {done.folder / FILE}.", **done.facts)
    return done


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
    job.desk.console.print(table)
    if sheet["subgroups"]:
        job.desk.console.print(_subgroup_table(sheet))
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
