"""make predict: score new data of the same kind with a finished run.

Reads DATA (tables, with pictures or without, or pictures alone) and the features, networks,
boosters and stack of RUN; writes <run>/predictions/<folder>-<hash>/ with predictions.csv (isic_id,
target), details.csv, and predictions.html where there are pictures. New rows go through the very
functions that score the test set. What DATA lacks decides which part of the stack scores all of its
rows, and that is said. OUT=folder takes the place of a <run> that may only be read.
"""

from dataclasses import replace

import polars as pl

from folds.findings import plural
from folds.schema import ID, IMAGE, PATIENT
from folds.spellings import plain_spelling
from pipeline.asked import OF_NEW_DATA
from pipeline.distances import UNLIKE, as_said, not_said
from pipeline.job import Job
from pipeline.machine import Machine
from pipeline.new_data import PREDICT, NewData, open_data, reading, refuse_half_seen
from pipeline.new_scores import Stacked, choose
from pipeline.predictions import (
    DETAILS,
    FILE,
    TRAINED_ON,
    Gauge,
    gauge_of,
    open_rows,
    predicting,
    trained_on,
    training_rows,
)
from pipeline.stacked import OOF
from scripts.stage import OUT, main
from stacking.blending.policies import FLAG
from stacking.use import SCORE
from workspace.errors import ConfigError, DataError, name_some
from workspace.pieces import begin_anew, is_anew
from workspace.units import Unit, refuse_foreign


def run(job: Job) -> Unit:
    """Scores of the rows of DATA, made if they are not there yet."""
    if not job.own_data:
        raise ConfigError("Name the new data: make predict RUN=runs/name DATA=folder.")
    stacked = Stacked.open(job.run)
    stacked.refuse_source(job.recipe.data.source)
    data = open_data(job, sees=stacked.sees)
    if job.fresh:
        data.forget(job.results)
        begin_anew(data.working(job.results))
    job = replace(job, fresh=is_anew(data.working(job.results)))
    gauge = gauge_of(job, stacked, data)
    if isinstance(gauge, str):
        job.say(not_said(gauge))
        gauge = None
    prediction = predicting(job, stacked, data, gauge)
    if not job.state_of(prediction).done:
        refuse_foreign(prediction.folder, PREDICT)  # now, not hours later
        _look(replace(job, fresh=False), stacked, data, gauge)  # what is left of FRESH=1 goes on
    done, new = job.make(prediction)
    data.forget(job.results)  # also what a call left that was killed between its end and this line
    if not new:
        job.say(f"predict: nothing to do, {done.folder / FILE} is up to date.")
        return done
    facts = done.facts
    job.say(f"predict: {facts['used']}")
    if not facts["comparable"]:
        job.say(f"notice: {facts['scored_by']} has a scale of its own: rank none of these scores "
                f"among those of {stacked.policy}.")  # fmt: skip
    if "flagged" in facts:
        rows, by = plural(facts["flagged"], "row"), facts.get("flagged_by")
        scores = "" if by is None else f" of {by}'s own scores ({FLAG}{SCORE} in {DETAILS})"
        job.say(
            f"predict: {rows} flagged, from {facts['threshold']:.4g} on{scores}; where positives "
            f"are like the run's, that finds {facts['sensitivity']:.0%} of them."
        )
    if UNLIKE in facts:
        job.say(f"predict: {as_said(facts[UNLIKE])}")
    job.say(
        f"predict: wrote {done.folder / FILE}: {plural(facts['rows'], 'row')}, "
        f"{plural(facts['single_lesion_patients'], 'patient')} with one lesion alone."
    )
    return done


def _look(job: Job, stacked: Stacked, data: NewData, gauge: Gauge | None) -> None:
    """Read the rows, refuse what cannot be scored, and let the networks look at the others."""
    read, _ = job.make(reading(job, data, list(stacked.state.columns)))
    job.show_notices_of(read)
    rows, training = open_rows(job.results, data), training_rows(job.run)
    _refuse_known(job, rows, training)
    if 0 < rows[IMAGE].null_count() < len(rows):
        refuse_half_seen(job, rows, known=training[IMAGE].null_count() > 0)
    if data.alone:
        job.say("notice: no table says whose the pictures are: each is taken for a patient.")
    networks = choose(stacked, data, rows).networks
    if networks:
        from pipeline import new_columns  # noqa: PLC0415 - torch takes seconds to import

        stacked.refuse_other_blocks()
        folders = (job.run, job.results)
        job.carry_out(*new_columns.looking(folders, Machine.of(job), data, rows, networks))
    if gauge is not None and gauge.network in networks:
        job.carry_out(*gauge.tasks)


def _refuse_known(job: Job, rows: pl.DataFrame, training: pl.DataFrame) -> None:
    """Rows that the run was trained on: an error if all were, else a notice, also of patients."""
    known = trained_on(rows, training)
    if known.all():
        raise DataError(
            f"All {len(rows)} rows were trained on by {job.run}: their scores out of fold are "
            f"in stack/{OOF}."
        )
    patients = rows.filter(~known)[PATIENT].drop_nulls().unique().sort()
    same = patients.filter(_plain(patients).is_in(_plain(training[PATIENT]).implode()))
    if known.any():
        job.say(
            f"notice: {plural(int(known.sum()), 'row')} of the new data "
            f"{'was' if known.sum() == 1 else 'were'} trained on by "
            f"{job.run}; their scores mean nothing ({TRAINED_ON} in {DETAILS}): "
            f"{name_some(rows.filter(known)[ID].to_list())}."
        )
    if len(same):
        job.say(
            f"notice: {plural(len(same), 'patient')} of the new rows "
            f"{'was' if len(same) == 1 else 'were'} trained on by {job.run}: "
            f"{name_some(same.to_list())}; their scores flatter."
        )


def _plain(patients: pl.Series) -> pl.Series:
    """As folds tell patients apart: `ip_1` of the new data is `IP_1` of the run's."""
    return patients.drop_nulls().to_frame().select(plain_spelling(pl.col(PATIENT))).to_series()


if __name__ == "__main__":
    main(run, files={"out": OUT}, of_finished_run=OF_NEW_DATA)
