"""make folds: decide once who is held out, and keep it.

Reads the verified samples (running `verify` first where needed); writes <run>/folds/ with
folds.parquet and balance.json, and prints the balance. Folds that exist are never changed: other
values stop with their names, and FRESH=1 makes them anew.
"""

from rich.table import Table

from folds.frozen import FILE, load_folds
from folds.schema import ANCHOR, HOLDOUT, ID, TEST
from pipeline.fold_table import BALANCE, folding
from pipeline.job import Job
from pipeline.samples import SAMPLES
from scripts import verify
from scripts.stage import main
from workspace.units import Unit


def run(job: Job) -> Unit:
    """The folds of the recipe's scheme, made if they are not there yet."""
    verified = job.need(verify.run)
    done, new = job.make(folding(job, verified))
    if not new:
        load_folds(done, verified.parquet(SAMPLES, [ID]))
        job.say(f"folds: nothing to do, {done.folder} is up to date (hash {_hash(done)}).")
        return done
    job.show_notices_of(done)
    _show_balance(job, done, verified)
    job.say(
        f"folds: wrote {done.folder / FILE} (hash {_hash(done)}).",
        fold_hash=done.facts["fold_hash"],
    )
    return done


def _hash(done: Unit) -> str:
    return str(done.facts["fold_hash"])[:12]


def _show_balance(job: Job, done: Unit, verified: Unit) -> None:
    """One line a fold: rows, positives, groups and hospitals held out."""
    group = {"patient": "patients", "lesion": "lesions", "none": "groups"}[job.recipe.data.group]
    drawn = ", synthetic data" if verified.facts["synthetic"] else ""
    job.say(f"folds: held out by scheme '{job.recipe.folds.scheme}'{drawn}:")
    table = Table()
    rows = done.json(BALANCE)
    names = {"repeat": "repeat", "fold": "fold", "rows": "rows", "positives": "positives"}
    names |= {"groups": group, "hospitals": "hospitals"}
    if job.recipe.folds.repeats == 1:
        del names["repeat"]
    if not any(row["hospitals"] for row in rows):
        del names["hospitals"]
    for name in names.values():
        table.add_column(name, justify="right")
    for row in rows:
        if row["fold"] is None:
            row["fold"] = row["split"] if row["split"] in (ANCHOR, HOLDOUT, TEST) else "never"
        if row["positives"] is None:
            row["positives"] = "unknown"
        table.add_row(*(str(row[name]) for name in names))
    job.desk.console.print(table)


if __name__ == "__main__":
    main(run)
