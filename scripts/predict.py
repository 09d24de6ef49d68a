"""make predict: score new data of the same kind with a finished run.

Reads DATA (tables, with pictures or without, or pictures alone) and the features, networks,
boosters and stack of RUN; writes <run>/predictions/<folder>-<hash>/ with predictions.csv (isic_id,
target) and details.csv. New rows go through the very functions that score the test set. What DATA
lacks decides which part of the stack scores all of its rows, and that is said.
"""

import polars as pl
from pydantic import ValidationError

from features.build import build, single_lesion_patients
from features.state import State
from folds.findings import Findings, plural
from folds.schema import ID, IMAGE, PATIENT, SPLIT, TARGET, TEST
from pipeline.feature_table import STATE
from pipeline.job import Job
from pipeline.members import STACK
from pipeline.new_data import NewData, open_data, read_rows, refuse_half_seen
from pipeline.new_scores import Choice, Scorer, Stacked, choose
from pipeline.samples import SAMPLES
from pipeline.stacked import OOF
from scripts.stage import main
from stacking.fold import SCORE
from workspace.errors import ArtifactError, ConfigError, DataError, name_some
from workspace.manifest import load_manifest
from workspace.units import Unit, find, making, open_unit, refuse_foreign

FILE, DETAILS = "predictions.csv", "details.csv"
NAME = r"([^/]+?)(?i:\.(?:jpe?g|png))?$"  # a picture's own, without folders and suffix


def run(job: Job) -> Unit:
    """Scores of the rows of DATA, made if they are not there yet."""
    if not job.own_data:
        raise ConfigError("Name the new data: make predict RUN=runs/name DATA=folder.")
    stacked = Stacked(job, _finished(job, STACK), _finished(job, "features"))
    data = open_data(job, sees=stacked.sees)
    part = {"average": stacked.unit.manifest.settings["average"], "policy": stacked.policy}
    inputs = data.hashes | stacked.hashes() | {STATE: stacked.featured.sha256(STATE)}
    folder, wanted = job.run / "predictions" / data.name, job.wanted("predict", part, inputs)
    done = find(folder, wanted, job.hashes, on_change="redo", fresh=job.fresh)
    if done is not None:
        data.forget(job.run)  # a call that was killed between its end and that left it
        job.say(f"predict: nothing to do, {folder / FILE} is up to date.")
        return done
    refuse_foreign(folder, "predict")  # now, not hours later
    state = _state(stacked.featured)
    rows = read_rows(job, data, list(state.columns))
    samples = open_unit(job.run / "samples", "verify")
    training = samples.parquet(SAMPLES, [ID, IMAGE, PATIENT, SPLIT]).filter(pl.col(SPLIT) != TEST)
    known = _known_rows(job, rows, training)
    if 0 < rows[IMAGE].null_count() < len(rows):
        refuse_half_seen(job, rows, known=training[IMAGE].null_count() > 0)
    choice = choose(stacked, data, rows)
    scorer = _scorer(stacked, choice, data, rows, state)
    scores, means = scorer.scores(), scorer.means()
    details = known.join(means, on=ID, how="left", maintain_order="left")
    with making(folder, wanted) as draft:
        draft.csv(FILE, scores.select(ID, pl.col(SCORE).alias(TARGET)))
        draft.csv(DETAILS, scores.join(details, on=ID, how="left", maintain_order="left"))
    data.forget(job.run)
    job.say(f"predict: {choice.told}")
    if choice.members != stacked.handed_in:
        job.say(f"notice: {choice.name} has a scale of its own: rank none of these scores among "
                f"those of {stacked.policy}.")  # fmt: skip
    alone = single_lesion_patients(rows)
    job.say(
        f"predict: wrote {folder / FILE}: {plural(len(scores), 'row')}, "
        f"{plural(alone, 'patient')} with one lesion alone."
    )
    return open_unit(folder, "predict")


def _scorer(
    stacked: Stacked, choice: Choice, data: NewData, rows: pl.DataFrame, state: State
) -> Scorer:
    """Features of the rows and what networks see of them, as far as the choice needs them."""
    job, table, findings = stacked.job, None, Findings()
    if data.source is not None:
        table = build(rows, state, findings, "the new data")
        job.show_notices(findings)
    else:
        job.say("notice: no table says whose the pictures are: each is taken for a patient.")
    networks = {}
    if choice.networks:
        from pipeline import new_views  # noqa: PLC0415 - torch takes seconds to import

        stacked.refuse_other_blocks()
        networks = new_views.new_columns(job, data, rows, choice.networks)
    return Scorer(stacked, choice, rows.select(ID), table, networks)


def _finished(job: Job, stage: str) -> Unit:
    if load_manifest(job.run / stage) is None:
        raise ArtifactError(
            f"{job.run} holds no finished {stage}; name the run with RUN= (or its RECIPE=), or "
            "run 'make stack' first."
        )
    unit = open_unit(job.run / stage, stage)
    made_from = unit.manifest.recipe["data"]["source"]
    if made_from != job.recipe.data.source:
        raise ConfigError(
            f"{job.run} was made from source {made_from}, but the recipe reads "
            f"{job.recipe.data.source}; name the run's own RECIPE=."
        )
    return unit


def _state(featured: Unit) -> State:
    try:
        return State.model_validate_json(featured.text(STATE))
    except ValidationError as error:
        raise ArtifactError(
            f"{featured.path(STATE)} was written by another version of the features; run "
            "'make stack' anew."
        ) from error


def _known_rows(job: Job, samples: pl.DataFrame, training: pl.DataFrame) -> pl.DataFrame:
    """Which rows the run was trained on; refused if all were, said if some, or their patients.

    Pictures alone are known by their own names, in whatever folder they lie.
    """
    seen = samples[ID].str.extract(NAME).is_in(training[ID].implode())
    if seen.all():
        raise DataError(
            f"All {len(samples)} rows were trained on by {job.run}: their scores out of fold are "
            f"in stack/{OOF}."
        )
    patients = samples.filter(~seen)[PATIENT].drop_nulls().unique()
    known = patients.filter(patients.is_in(training[PATIENT].drop_nulls().implode())).sort()
    if seen.any():
        job.say(
            f"notice: {plural(int(seen.sum()), 'row')} of the new data "
            f"{'was' if seen.sum() == 1 else 'were'} trained on by "
            f"{job.run}; their scores mean nothing (trained_on in {DETAILS}): "
            f"{name_some(samples.filter(seen)[ID].to_list())}."
        )
    if len(known):
        job.say(
            f"notice: {plural(len(known), 'patient')} of the new rows were trained on by "
            f"{job.run}: {name_some(known.to_list())}; their scores flatter."
        )
    return samples.select(ID).with_columns(seen.alias("trained_on"))


if __name__ == "__main__":
    main(run, of_finished_run=True)
