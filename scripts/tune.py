"""make tune: better values for the boosters, and what they are worth on rows that had no say.

Reads folds, features and the recipe's blocks (made first where needed). Each trial is a unit in
<run>/trials/; their numbers are in a database there or at STORAGE=. <run>/tune/ has tuning.json,
trials.parquet, and tuned.toml, a recipe to stack with. A call that is stopped goes on.
"""

from collections.abc import Mapping
from dataclasses import replace

from folds.findings import plural
from pipeline.job import Job
from pipeline.stacked import boosting
from pipeline.studies import trials_of
from pipeline.tuned import OVERLAY, SHEET, growing, summing_up
from pipeline.tuning import TUNE, asked, check_best, open_studies, plan_of, tell, trying
from pipeline.unseen_members import STACK
from reports.tuning import tables
from scripts import stack
from scripts.stage import main
from stacking.tuning.study import Study
from workspace.units import Unit


def run(job: Job) -> Unit:
    """Studies finished, and what the tuned values are worth, made if not there yet."""
    as_it_is = replace(job, fresh=False)  # FRESH=1 is of the trials alone
    plan = plan_of(as_it_is, stack.files_of(as_it_is), trials_of(job, job.recipe.tune.trials))
    known = job.state_of(summing_up(plan, None, {}))
    if known.unit is not None or job.watcher is not None:
        [(done, _)] = job.carry_out(known.task)
        job.rest(TUNE, f"{done.folder} is up to date.")
        return done
    studies = open_studies(plan, fresh=job.fresh)
    while trials := asked(plan, studies):
        tasks = [trying(plan, name, trial) for name, trial in trials]
        units = [unit for unit, _ in job.carry_out(*tasks)]
        numbers = [(name, trial.number) for name, trial in trials]
        tell(plan, studies, dict(zip(numbers, units, strict=True)))
        job.say(_so_far(plan.trials, studies))
    check_best(plan, studies)
    tuned = growing(plan, studies)
    own = boosting(as_it_is, plan.files)[STACK] if tuned else {}
    as_it_is.carry_out(*tuned.values(), *own.values())
    folders = {
        "tuned": {fold: task.folder for fold, task in tuned.items()},
        "own": {fold: task.folder for fold, task in own.items()},
    }
    done, _ = job.make(summing_up(plan, studies, folders))
    job.show(tables(done.json(SHEET)))
    job.say(f"tune: see {done.folder}: {SHEET}, {OVERLAY}; use the values with make stack "
            f"RECIPE={done.folder / OVERLAY} RUN=<another>.")  # fmt: skip
    return done


def _so_far(trials: int, studies: Mapping[str, Study]) -> str:
    done = min(study.finished for study in studies.values())
    return f"tune: {done} of {trials} trials of {plural(len(studies), 'study', 'studies')} done."


if __name__ == "__main__":
    main(run, words={"trials": "trials of a study", "storage": "address of the studies' database"})
