"""The tabular columns of every row, as a task."""

import json
from pathlib import Path

import polars as pl

from features.build import build, fit, single_lesion_patients
from features.config import FeatureConfig
from features.state import State
from folds.findings import Findings
from folds.schema import ID, PATIENT, SPLIT, TEST
from pipeline.job import Job
from pipeline.notices import NOTICES
from pipeline.samples import SAMPLES
from pipeline.unit_files import STATE, TESTS, TRAINING
from workspace.orders import Needs
from workspace.tasks import Task
from workspace.units import Draft, Unit, open_unit


def featuring(job: Job, verified: Unit) -> Task:
    """The features of the recipe's samples."""
    return Task(
        job.run / "features",
        "features",
        build_features,
        settings={
            "features": job.recipe.features.used(),
            "version": State.model_fields["version"].default,
        },
        inputs={SAMPLES: verified.sha256(SAMPLES)},
        arguments={
            "samples": verified.folder, "config": job.recipe.features,
            "none_too": job.recipe.stack.networks,
        },
        needs=Needs(memory_gb=2.0),
    )  # fmt: skip


def build_features(draft: Draft, samples: Path, config: FeatureConfig, none_too: bool) -> None:
    """Columns of all rows but the source's test, then of those by what was learnt of the first."""
    rows = open_unit(samples, "verify").parquet(SAMPLES)
    is_test, findings = pl.col(SPLIT) == TEST, Findings()
    training, tests = rows.filter(~is_test), rows.filter(is_test)
    state = fit(training, config, none_too=none_too)
    table = build(training, state)
    draft.parquet(TRAINING, table)
    draft.parquet(TESTS, build(tests, state, findings))
    draft.json(STATE, json.loads(state.model_dump_json()))
    draft.facts.update(
        names=[name for name in table.columns if name != ID],
        rows=[len(training), len(tests)],
        single_lesion_patients=[single_lesion_patients(one) for one in (training, tests)],
        patients_known=training[PATIENT].null_count() < len(training),
    )
    draft.json(NOTICES, findings.as_json()["notices"])
