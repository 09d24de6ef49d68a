"""make features: the tabular columns of every row, by one function for train and test.

Reads the verified samples; writes <run>/features/ with features.parquet (all rows but the source's
test), test_features.parquet and state.json, what was learnt from the first to build the second.
"""

import json

import polars as pl

from features.build import build, fit, single_lesion_patients
from features.state import State
from folds.findings import Findings, plural
from folds.schema import ID, PATIENT, SPLIT, TEST
from scripts import verify
from scripts.stage import Job, main
from scripts.verify import SAMPLES
from workspace.units import Unit, find, making, open_unit

TRAINING, TESTS, STATE = "features.parquet", "test_features.parquet", "state.json"


def run(job: Job) -> Unit:
    """The features of the recipe's samples, made if they are not there yet."""
    verified, folder = job.need(verify.run), job.run / "features"
    part = {
        "features": job.recipe.features.used(),
        "version": State.model_fields["version"].default,
    }
    inputs = {SAMPLES: verified.sha256(SAMPLES)}
    wanted = job.wanted("features", part, inputs)
    done = find(folder, wanted, job.hashes, on_change="redo", fresh=job.fresh)
    if done is not None:
        job.say(f"features: nothing to do, {folder} is up to date.")
        return done
    samples = verified.parquet(SAMPLES)
    is_test = pl.col(SPLIT) == TEST
    training, tests = samples.filter(~is_test), samples.filter(is_test)
    state = fit(training, job.recipe.features, none_too=job.recipe.stack.networks)
    findings = Findings()
    with making(folder, wanted) as draft:
        table = build(training, state)
        draft.parquet(TRAINING, table)
        draft.parquet(TESTS, build(tests, state, findings))
        draft.json(STATE, json.loads(state.model_dump_json()))
        names = [name for name in table.columns if name != ID]
        alone = [single_lesion_patients(rows) for rows in (training, tests)]
        draft.facts.update(names=names, single_lesion_patients=alone)
    job.show_notices(findings)
    lonely = (
        f"{plural(alone[0], 'training patient')} and {alone[1]} in the test have one lesion alone, "
        "and so no ugly duckling."
        if training[PATIENT].null_count() < len(training)
        else "no patient is known, so no lesion is compared with others."
    )
    job.say(
        f"features: wrote {folder}: {plural(len(training), 'training row')}, "
        f"{plural(len(tests), 'test row')}, {plural(len(names), 'column')}; {lonely}"
    )
    return open_unit(folder, "features")


if __name__ == "__main__":
    main(run)
