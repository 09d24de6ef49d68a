"""make predict: score new data of the same kind with a finished run.

Reads the tables of DATA, and the features, boosters and stack of RUN; writes
<run>/predictions/<folder>-<hash>/ with predictions.csv (isic_id, target) and details.csv. New rows
go
through the very functions that score the test set.
"""

from functools import partial

import polars as pl
from pydantic import ValidationError

from features.build import build
from features.state import State
from folds.findings import Findings, plural
from folds.samples import build_samples
from folds.schema import ID, SPLIT, TARGET, TEST
from folds.sources import open_source
from scripts import stack
from scripts.features import STATE
from scripts.stage import Job, main
from stacking.elsewhere import FOLD_SPREAD, score_elsewhere
from stacking.fold import SCORE
from stacking.matrix import Matrix, assemble, kept, lazily
from workspace.errors import ArtifactError, ConfigError, DataError, name_some
from workspace.units import Unit, find, making, open_unit

FILE, DETAILS = "predictions.csv", "details.csv"


def run(job: Job) -> Unit:
    """Scores of the rows of DATA, made if they are not there yet."""
    if not job.own_data:
        raise ConfigError("Name the new data: make predict RUN=runs/name DATA=folder.")
    if job.recipe.stack.blocks:
        raise ConfigError("Cannot predict with stack.blocks yet: their makers are not called here.")
    featured, stacked = (
        open_unit(job.run / "features", "features"),
        open_unit(job.run / "stack", "stack"),
    )
    folds = _boosters(job, stacked)
    source = open_source(job.recipe.data.model_copy(update={"images": "none"}))
    tables = {path.name: job.hashes.of(path) for path in source.inputs()}
    inputs = tables | {"stack": stacked.sha256(stack.OOF), STATE: featured.sha256(STATE)}
    name = f"{source.folder.resolve().name}-{next(iter(tables.values()))[:8]}"
    folder = job.run / "predictions" / name
    wanted = job.wanted("predict", {"average": job.recipe.stack.average}, inputs)
    done = find(folder, wanted, job.hashes, on_change="redo", fresh=job.fresh)
    if done is not None:
        job.say(f"predict: nothing to do, {folder / FILE} is up to date.")
        return done
    state = _state(featured)
    findings = Findings()
    samples = build_samples(source, findings, list(state.columns)).with_columns(
        pl.lit(TEST).alias(SPLIT)
    )
    for finding in findings.as_json()["notices"]:
        job.show_finding("notice", finding)
    for finding in findings.as_json()["errors"][1:]:
        job.show_finding("error", finding)
    findings.raise_errors()
    _notice_trained_on(job, samples)
    table = build(samples, state)
    columns = kept(featured.facts["names"], job.recipe.stack.leave_out)
    view = partial(_view, table, columns)
    scores = score_elsewhere(view, folds, job.recipe.stack.average)
    with making(folder, wanted) as draft:
        draft.csv(FILE, scores.select(ID, pl.col(SCORE).alias(TARGET)))
        draft.csv(DETAILS, scores.select(ID, SCORE, FOLD_SPREAD))
    job.say(f"predict: wrote {folder / FILE}: {plural(len(scores), 'row')}.")
    return open_unit(folder, "predict")


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


def _boosters(job: Job, stacked: Unit) -> dict[int, Unit]:
    """The folds' boosters, if they are those that the stack was made of."""
    prefix = f"{stack.STACK}_fold_"
    used = {n: sha for n, sha in stacked.manifest.inputs.items() if n.startswith(prefix)}
    found = {}
    for name, sha in used.items():
        unit = open_unit(job.run / "boosters" / name, "stack")
        if unit.sha256(stack.SCORES) != sha:
            raise ArtifactError(
                f"{unit.folder} is not what the stack was made of; run 'make stack'."
            )
        found[int(name.removeprefix(prefix))] = unit
    return dict(sorted(found.items()))


def _notice_trained_on(job: Job, samples: pl.DataFrame) -> None:
    trained = open_unit(job.run / "stack", "stack").parquet(stack.OOF, [ID])
    seen = samples.join(trained, on=ID, how="semi")[ID].to_list()
    if len(seen) == len(samples):
        raise DataError(
            f"All {len(seen)} rows were trained on by {job.run}: their scores out of fold are in "
            f"stack/{stack.OOF}."
        )
    if seen:
        job.say(
            f"notice: {plural(len(seen), 'row')} of the new data were trained on by {job.run}; "
            f"their scores mean nothing: {name_some(seen)}."
        )


if __name__ == "__main__":
    main(run)
