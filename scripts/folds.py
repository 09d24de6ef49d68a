"""make folds: decide once who is held out, and keep it.

Reads the verified samples (running `verify` first where needed); writes <run>/folds/ with
folds.parquet and balance.json, and prints the balance. Folds that exist are never changed: other
values stop with their names, and FRESH=1 makes them anew.
"""

from folds.frozen import FILE, load_folds
from folds.schema import ID
from pipeline.fold_table import BALANCE, explained, folding
from pipeline.job import Job
from pipeline.samples import SAMPLES
from reports.balance import tables
from scripts import verify
from scripts.stage import main
from workspace.errors import ArtifactError
from workspace.units import Unit


def run(job: Job) -> Unit:
    """The folds of the recipe's scheme, made if they are not there yet."""
    verified = job.need(verify.run)
    try:
        done, new = job.make(folding(job, verified))
    except ArtifactError as error:
        raise explained(error, job) from error
    if not new:
        load_folds(done, verified.parquet(SAMPLES, [ID]))
        job.rest("folds", f"{done.folder} is up to date (hash {_hash(done)}).")
        return done
    job.show_notices_of(done)
    recipe, drawn = job.recipe, bool(verified.facts["synthetic"])
    job.show(tables(done.json(BALANCE), recipe.folds.scheme, recipe.data.group, synthetic=drawn))
    job.say(
        f"folds: wrote {done.folder / FILE} (hash {_hash(done)}).",
        fold_hash=done.facts["fold_hash"],
    )
    return done


def _hash(done: Unit) -> str:
    return str(done.facts["fold_hash"])[:12]


if __name__ == "__main__":
    main(run)
