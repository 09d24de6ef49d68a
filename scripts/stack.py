"""make stack: boosters on the features over the frozen folds, beside their baselines.

Reads folds, features and the recipe's blocks; writes <run>/boosters/<name>_fold_<k>/ for every fold
of the stack and of each baseline, then <run>/stack/ with oof_stack.parquet, test_stack.parquet,
importance.csv, metrics.json and, of a blend, what it takes to blend new rows. What a call finished
is kept; a changed value redoes what it feeds.
"""

from folds.findings import plural
from pipeline.job import Job
from pipeline.stack_rows import (
    StackFiles,
    check_held_out,
    check_repeats,
    notice_unstacked,
    stack_files,
)
from pipeline.stacked import IMPORTANCE, METRICS, OOF, TEST, boosting, joining
from reports.stack import tables
from scripts import embed, features, folds, verify
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
        job.rest("stack", f"{done.folder} is up to date.")
        return done
    job.show(tables(done.json(METRICS)))
    names, seeds = job.recipe.stack.boosters, plural(job.recipe.stack.seeds, "seed")
    job.say(
        f"stack: {', '.join(names)}, {seeds} a fold; see {done.folder}: {METRICS}, {OOF}, "
        f"{TEST}, {IMPORTANCE}.",
        **done.facts,
    )
    return done


def files_of(job: Job) -> StackFiles:
    """Folds, features and blocks of the run, made first where needed."""
    check_repeats(job)
    notice_unstacked(job)
    units = {"samples": job.need(verify.run), "folds": job.need(folds.run)}
    units["features"] = job.need(features.run)
    networks: list[Unit] = []
    if job.recipe.stack.networks:
        check_held_out(units["folds"])
        networks = list(job.need(embed.run).values())
    return stack_files(job, units, networks)


if __name__ == "__main__":
    main(run)
