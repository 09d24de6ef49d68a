"""Trainings on a split with three sides: learnt on one, thresholds of another, tested on a third.

A split is a run within the run, with folds of its own; its samples are the run's. Trainings lie in
<split>/networks/, each with what it says of the validation rows (scores.parquet) and of the test
rows (test.parquet). What a teacher says is its training's of the same split and seed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from folds.split import Scheme
from models.networks.network import Network
from pipeline.job import Job
from pipeline.machine import Machine
from pipeline.networks import SOFT_LABELS, asking, fold_settings, taught_by, weights_of
from pipeline.picture_rows import PictureFiles
from workspace.tasks import Output, Task

TEST_SCORES = "test.parquet"
FOLD = 0  # the validation rows are the one fold of these schemes


@dataclass(frozen=True)
class Split:
    """One scheme: the call on its run within the run, and its rows."""

    job: Job
    files: PictureFiles


def inner_job(job: Job, beside: str, scheme: Scheme, made: Mapping[Any, Any]) -> Job:
    """A call on the run within the run; `made` is what the schemes have in common."""
    folds = job.recipe.folds.model_copy(
        update={"scheme": scheme, "repeats": 1, "anchor_share": 0.0}
    )
    recipe = job.recipe.model_copy(update={"folds": folds})
    return replace(job, recipe=recipe, run=job.run / beside / scheme, made=dict(made))


def sided_training(
    split: Split, network: Network, name: str, seed: int, stage: str, teacher: Task | None = None
) -> Task:
    """One training; `teacher` is that of its teacher, if it has one, on this split."""
    job, files, config = split.job, split.files, network.config
    soft: dict[str, Output] = {}
    if teacher is not None:
        said = asking(job, files, network, FOLD, teacher)
        soft, config = {"soft_labels": Output(said, SOFT_LABELS)}, taught_by(config, said)
    return Task(
        job.run / "networks" / name,
        stage,
        "pipeline.sided_network:train_sided",
        settings=fold_settings(network, FOLD, seed, job.recipe.data.positive),
        inputs={
            **files.hashes(), "folds.parquet": files.folds_sha,
            "weights": weights_of(job, files, config.net), **soft,
        },
        arguments={
            "files": files, "network": (network.name, config), "run": (FOLD, seed),
            "machine": Machine.of(job), "checkpoints": job.run / "checkpoints" / name,
        },
        needs=partial(Machine.of(job).needs, config.net),
        on_change="stop",
    )  # fmt: skip
