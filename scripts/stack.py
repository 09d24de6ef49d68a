"""make stack: LightGBM on the features over the frozen folds, beside its baselines.

Reads folds, features and the recipe's blocks; writes <run>/boosters/<name>_fold_<k>/ for every fold
of the stack and of each baseline, then <run>/stack/ with oof_stack.parquet, test_stack.parquet,
importance.csv, metrics.json and, of a blend, what it takes to blend new rows. What a call finished
is kept; a changed value redoes what it feeds.
"""

from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from folds.findings import plural
from pipeline.job import Job
from pipeline.members import show_members
from pipeline.stack_rows import StackFiles, check_repeats, stack_files
from pipeline.stacked import IMPORTANCE, METRICS, OOF, TEST, boosting, joining
from scripts import features, folds, verify
from scripts.score import short
from scripts.stage import main
from workspace.units import Unit


def run(job: Job) -> Unit:
    """The stack's scores and what they are worth, made if they are not there yet."""
    files = files_of(job)
    boosters = boosting(job, files)
    joined = joining(job, files, boosters)
    every = [task for by_fold in boosters.values() for task in by_fold.values()]
    done, new = job.carry_out(*every, joined)[-1]
    if not new:
        job.say(f"stack: nothing to do, {done.folder} is up to date.")
        return done
    show_stack(job, done.json(METRICS))
    job.say(f"stack: see {done.folder}: {METRICS}, {OOF}, {TEST}, {IMPORTANCE}.", **done.facts)
    return done


def files_of(job: Job) -> StackFiles:
    """Folds, features and blocks of the run, made first where needed."""
    check_repeats(job)
    units = {"samples": job.need(verify.run), "folds": job.need(folds.run)}
    units["features"] = job.need(features.run)
    networks: list[Unit] = []
    if job.recipe.stack.networks:
        from scripts import embed  # noqa: PLC0415 - torch takes seconds to import

        networks = list(job.need(embed.run).values())
    return stack_files(job, units, networks)


def show_stack(job: Job, metrics: dict[str, Any]) -> None:
    """The stack beside its baselines, then its folds."""
    sheet, folded, config = metrics["stack"], metrics["folds"], job.recipe.score
    job.say(
        f"stack: out of fold, {plural(sheet['n'], 'row')}, {plural(sheet['positives'], 'positive')}"
        + (f", {sheet['patients']} {metrics['group']}s." if sheet["patients"] else ".")
    )
    table = Table("scores", box=SIMPLE_HEAD, padding=(0, 1), pad_edge=False)
    for name in (f"pAUC above {100 * config.min_tpr:.6g}% TPR", "AUC", "stack minus this, pAUC"):
        table.add_column(name, no_wrap=True)
    table.add_row("stack", *(short(sheet["metrics"][name]) for name in ("pauc", "auc")), "")
    for name, found in metrics["baselines"].items():
        values = (short(found["metrics"][metric]) for metric in ("pauc", "auc"))
        table.add_row(name, *values, short(found["stack_minus_this"]["pauc"]))
    job.desk.console.print(table)
    if "blend" in metrics:
        show_members(job, metrics["blend"])
    each = ", ".join(f"{entry['metrics']['pauc']['value']:.4f}" for entry in folded["folds"])
    job.say(
        f"stack: pAUC by fold {each}; mean {folded['mean']['pauc']:.4f}"
        + (f", sd {folded['sd']['pauc']:.4f}" if folded["sd"]["pauc"] is not None else "")
        + f"; {folded['pooled_is']}: {folded['pooled']['pauc']['value']:.4f}."
    )
    for note in sheet["notes"]:
        job.say(f"notice: {note}")


if __name__ == "__main__":
    main(run)
