"""make submission: the test scores of the stack as the CSV that is handed in.

Reads the stack (made first where needed) and sample_submission.csv of the data; writes
<run>/submission/submission.csv, which appears only after it passed the checks of `make score`.
"""

import polars as pl

from folds.findings import Findings, plural
from folds.schema import ID, SPLIT, TARGET, TEST, identifier
from folds.tables import read_table
from scripts import stack
from scripts.stage import Job, main
from submissions.submission import read_submission
from submissions.writer import submission_table
from workspace.errors import DataError
from workspace.units import Unit, find, making, open_unit

FILE, SAMPLE = "submission.csv", "sample_submission.csv"


def run(job: Job) -> Unit:
    """The submission of the run, made if it is not there yet."""
    stacked, folder = job.need(stack.run), job.run / "submission"
    sample = job.recipe.data.folder / SAMPLE
    inputs = {stack.TEST: stacked.sha256(stack.TEST)}
    if sample.is_file():
        inputs[SAMPLE] = job.hashes.of(sample)
    wanted = job.wanted("submission", {}, inputs)
    done = find(folder, wanted, job.hashes, on_change="redo", fresh=job.fresh)
    if done is not None:
        job.say(f"submission: nothing to do, {folder / FILE} is up to date.")
        return done
    scores = stacked.parquet(stack.TEST).filter(pl.col(SPLIT) == TEST)
    if scores.is_empty():
        raise DataError(
            f"{job.recipe.data.folder} has no test rows to submit; 'make score' and metrics.json "
            "say what the stack is worth out of fold."
        )
    if sample.is_file():
        order = read_table(sample, (identifier(ID),), Findings())[ID]
    else:
        order = scores[ID].sort()
        job.say(f"notice: the data have no {SAMPLE}; the submission is in the order of the ids.")
    table = submission_table(scores, order)
    with making(folder, wanted) as draft:
        draft.csv(FILE, table)
        findings = Findings()
        written = read_submission(draft.folder / FILE, order, findings)
        findings.raise_errors()
        assert written.equals(table)  # to the last bit: no tie that was not there before
    done = open_unit(folder, "submission")
    job.say(
        f"submission: wrote {folder / FILE}: {plural(len(table), 'row')}, "
        f"{plural(table[TARGET].n_unique(), 'distinct score')}."
    )
    return done


if __name__ == "__main__":
    main(run)
