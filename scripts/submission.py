"""make submission: the test scores of the stack as the CSV that is handed in.

Reads the stack (made first where needed) and sample_submission.csv of the data; writes
<run>/submission/submission.csv, which appears only after it passed the checks of `make score`.
"""

import polars as pl

from folds.findings import plural
from folds.schema import SPLIT, TEST
from pipeline.handed_in import FILE, SAMPLE, submitting
from pipeline.job import Job
from pipeline.stacked import TEST as TEST_SCORES
from scripts import stack
from scripts.stage import main
from workspace.errors import DataError
from workspace.units import Unit


def run(job: Job) -> Unit:
    """The submission of the run, made if it is not there yet."""
    stacked = job.need(stack.run)
    if stacked.parquet(TEST_SCORES).filter(pl.col(SPLIT) == TEST).is_empty():
        raise DataError(
            f"{job.recipe.data.folder} has no test rows to submit; 'make score' and metrics.json "
            "say what the stack is worth out of fold."
        )
    done, new = job.make(submitting(job, stacked))
    if not new:
        job.rest("submission", f"{done.folder / FILE} is up to date.")
        return done
    if not (job.recipe.data.folder / SAMPLE).is_file():
        job.say(f"notice: the data have no {SAMPLE}; the submission is in the order of the ids.")
    job.say(
        f"submission: wrote {done.folder / FILE}: {plural(done.facts['rows'], 'row')}, "
        f"{plural(done.facts['distinct'], 'distinct score')}."
    )
    return done


if __name__ == "__main__":
    main(run)
