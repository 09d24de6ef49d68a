"""The test scores as the CSV to hand in, as a task; it appears only once it is checked."""

from pathlib import Path

import polars as pl

from folds.findings import Findings
from folds.schema import ID, SPLIT, TARGET, TEST, identifier
from folds.tables import is_there, read_table
from pipeline.job import Job
from pipeline.stacked import TEST as TEST_SCORES
from pipeline.unseen_members import STACK
from stacking.calibration.kept import PROBABILITY
from stacking.use import SCORE
from submissions.submission import read_submission
from submissions.writer import submission_table
from workspace.tasks import Task
from workspace.units import Draft, Unit, open_unit

FILE, SAMPLE = "submission.csv", "sample_submission.csv"


def submitting(job: Job, stacked: Unit) -> Task:
    """The submission of a finished stack, in the order that the data ask for."""
    sample = job.recipe.data.folder / SAMPLE
    has_sample = is_there(sample)
    inputs = {TEST_SCORES: stacked.sha256(TEST_SCORES)}
    if has_sample:
        inputs[SAMPLE] = job.hashes.of(sample)
    return Task(
        job.run / "submission",
        "submission",
        write_submission,
        inputs=dict(inputs),
        arguments={"stacked": stacked.folder, "sample": sample if has_sample else None},
    )


def write_submission(draft: Draft, stacked: Path, sample: Path | None) -> None:
    """Write the file, then read it back as a scorer would."""
    scores = open_unit(stacked, STACK).parquet(TEST_SCORES).filter(pl.col(SPLIT) == TEST)
    if sample is not None:
        order = read_table(sample, (identifier(ID),), Findings())[ID]
    else:
        order = scores[ID].sort()
    if PROBABILITY in scores.columns:  # asked for by calibration.method
        scores = scores.with_columns(pl.col(PROBABILITY).alias(SCORE))
    table = submission_table(scores, order)
    draft.csv(FILE, table)
    findings = Findings()
    written = read_submission(draft.folder / FILE, order, findings)
    findings.raise_errors()
    assert written.equals(table)  # to the last bit: no tie that was not there before
    draft.facts.update(rows=len(table), distinct=table[TARGET].n_unique())
