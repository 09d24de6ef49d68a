"""Trainings on a split with three sides: learnt on one, thresholds of another, tested on a third.

A split is a run within the run, with folds of its own; its samples are the run's. Trainings lie in
<split>/networks/, each with what it says of the validation rows (scores.parquet) and of the test
rows (test.parquet). What a training begins with, and its teacher, are of the same split and seed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from folds.split import Scheme
from models.networks.network import Network
from pipeline.job import Job
from pipeline.machine import Machine
from pipeline.networks import (
    asking,
    begin_anew,
    coming_from,
    fold_settings,
    needed_by,
    to_make_anew,
)
from pipeline.picture_rows import PictureFiles
from workspace.tasks import Task

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
    split: Split, network: Network, which: tuple[str, int], stage: str,
    start: Task | None = None, teacher: Task | None = None,
) -> Task:  # fmt: skip
    """One training, by name and seed; those of this split that it begins with and learns from."""
    job, files, (name, seed) = split.job, split.files, which
    unit = f"{name}_seed_{seed}"
    said = None if teacher is None else asking(job, files, network, FOLD, teacher)
    config, comes_from = coming_from(job, files, network, start, said)
    return Task(
        job.run / "networks" / unit,
        stage,
        "pipeline.sided_network:train_sided",
        settings=fold_settings(network, FOLD, seed, job.recipe.data.positive),
        inputs={
            **files.hashes(), "folds.parquet": files.folds_sha, **comes_from,
        },
        arguments={
            "files": files, "network": (network.name, config), "run": (FOLD, seed),
            "machine": Machine.of(job), "checkpoints": job.run / "checkpoints" / unit,
        },
        needs=partial(Machine.of(job).needs, network.config.net),
        on_change="stop",
    )  # fmt: skip


def begin_sided_anew(
    job: Job, splits: Mapping[Scheme, Split], trainings: Sequence[Task], stage: str
) -> None:
    """Delete what FRESH=1 makes anew of these, and whatever begins with it or is taught by it."""
    known = dict.fromkeys([*needed_by(trainings), *trainings])
    every = [task for task in known if task.folder.parent.name == "networks"]
    anew = to_make_anew(replace(job, fresh=False), every)
    after = [task for task in every if not set(anew).isdisjoint(needed_by([task]))]
    for task in dict.fromkeys([*anew, *after]):
        [split] = [one for one in splits.values() if task.folder.is_relative_to(one.job.run)]
        begin_anew(split.job, [task.name], stage)
