"""make predict: score new data of the same kind with a finished run.

Reads the tables of DATA, and the features, boosters and stack of RUN; writes
<run>/predictions/<folder>-<hash>/ with predictions.csv (isic_id, target) and details.csv. New rows
go through the very functions that score the test set.
"""

from functools import partial

import polars as pl
from pydantic import ValidationError

from features.build import build, single_lesion_patients
from features.state import State
from folds.findings import Findings, plural
from folds.frozen import FILE as FOLDS
from folds.samples import build_samples
from folds.schema import ID, PATIENT, SPLIT, TARGET, TEST
from folds.sources import open_source
from scripts import stack
from scripts.features import STATE, TRAINING
from scripts.stage import Job, main
from scripts.verify import SAMPLES
from stacking.elsewhere import score_elsewhere
from stacking.fold import SCORE, USE
from stacking.matrix import Matrix, assemble, lazily
from stacking.oof import all_files
from workspace.errors import ArtifactError, ConfigError, DataError, name_some
from workspace.hashing import sha256_text
from workspace.manifest import load_manifest
from workspace.units import Unit, find, making, open_unit

FILE, DETAILS = "predictions.csv", "details.csv"


def run(job: Job) -> Unit:
    """Scores of the rows of DATA, made if they are not there yet."""
    if not job.own_data:
        raise ConfigError("Name the new data: make predict RUN=runs/name DATA=folder.")
    stacked, featured = _finished(job, "stack"), _finished(job, "features")
    folds, average = _boosters(job, stacked, featured), stacked.manifest.part["average"]
    source = open_source(job.recipe.data.model_copy(update={"images": "none"}))
    tables = {path.name: job.hashes.of(path) for path in source.inputs()}
    makers = {unit.folder.name: all_files(unit) for unit in folds.values()}
    inputs = tables | makers | {STATE: featured.sha256(STATE)}
    name = f"{source.folder.resolve().name}-{sha256_text(str(sorted(tables.items())))[:8]}"
    folder = job.run / "predictions" / name
    wanted = job.wanted("predict", {"average": average}, inputs)
    done = find(folder, wanted, job.hashes, on_change="redo", fresh=job.fresh)
    if done is not None:
        job.say(f"predict: nothing to do, {folder / FILE} is up to date.")
        return done
    findings, state = Findings(), _state(featured)
    samples = build_samples(source, findings, list(state.columns)).with_columns(
        pl.lit(TEST).alias(SPLIT)
    )
    job.stop_on_errors(findings)
    table = build(samples, state, findings, "the new data")
    job.show_notices(findings)
    details = _known_rows(job, samples)
    columns = next(iter(folds.values())).json(USE)["columns"]
    scores = score_elsewhere(partial(_view, table, columns), folds, average)
    with making(folder, wanted) as draft:
        draft.csv(FILE, scores.select(ID, pl.col(SCORE).alias(TARGET)))
        draft.csv(DETAILS, scores.join(details, on=ID, how="left", maintain_order="left"))
    alone = single_lesion_patients(samples)
    job.say(
        f"predict: wrote {folder / FILE}: {plural(len(scores), 'row')}, "
        f"{plural(alone, 'patient')} with one lesion alone."
    )
    return open_unit(folder, "predict")


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


def _view(table: pl.DataFrame, columns: list[str], _: int) -> Matrix:
    return assemble(table.select(ID), [lazily("the new data", columns, table.lazy)])


def _boosters(job: Job, stacked: Unit, featured: Unit) -> dict[int, Unit]:
    """The folds' boosters, if they are those of the stack and learnt from these features."""
    prefix = f"{stack.STACK}_fold_"
    used = {n: sha for n, sha in stacked.manifest.inputs.items() if n.startswith(prefix)}
    found = {}
    for name, sha in used.items():
        unit = open_unit(job.run / "boosters" / name, "stack")
        learnt_from = unit.manifest.inputs
        if set(learnt_from) != {FOLDS, TRAINING}:
            raise ConfigError(
                f"{job.run} was stacked with blocks, whose makers cannot be called for new data "
                "yet."
            )
        if all_files(unit) != sha or learnt_from[TRAINING] != featured.sha256(TRAINING):
            raise ArtifactError(
                f"{unit.folder} is not what {stacked.folder} and {featured.folder} belong to; run "
                "'make stack' again."
            )
        found[int(name.removeprefix(prefix))] = unit
    return dict(sorted(found.items()))


def _known_rows(job: Job, samples: pl.DataFrame) -> pl.DataFrame:
    """Which rows the run was trained on; refused if all were, said if some, or their patients."""
    training = open_unit(job.run / "samples", "verify").parquet(SAMPLES, [ID, PATIENT, SPLIT])
    training = training.filter(pl.col(SPLIT) != TEST)
    seen = samples[ID].is_in(training[ID].implode())
    if seen.all():
        raise DataError(
            f"All {len(samples)} rows were trained on by {job.run}: their scores out of fold are "
            f"in stack/{stack.OOF}."
        )
    patients = samples.filter(~seen)[PATIENT].drop_nulls().unique()
    known = patients.filter(patients.is_in(training[PATIENT].drop_nulls().implode())).sort()
    if seen.any():
        job.say(
            f"notice: {plural(int(seen.sum()), 'row')} of the new data were trained on by "
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
