"""A suite as tasks: each experiment and seed on each split is a training; then all are compared.

Reads samples and one folds.parquet for each scheme; keeps trainings in
<run>/suite/<scheme>/networks/<number>_seed_<s>/, what they are worth in <run>/suite/leaderboard/.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from folds.findings import Findings
from folds.split import Scheme
from models.networks.network import network_of
from models.suite.config import Experiment, Suite
from pipeline.job import Job
from pipeline.machine import Machine
from pipeline.networks import fold_settings, weights_of
from pipeline.picture_rows import PictureFiles, open_picture_rows
from reports.leaderboard import look
from workspace.errors import ConfigError, DermstackError, name_some
from workspace.tasks import Output, Task

SUITE = "suite"
TEST_SCORES = "test.parquet"
LEADERBOARD, PAGE = "leaderboard.json", "leaderboard.html"
FOLD = 0  # the validation rows are the one fold of these schemes
Trained = tuple[Scheme, str, int]  # split, number of the experiment, seed


@dataclass(frozen=True)
class Split:
    """One scheme of the suite: the call on its run within the run, and its rows."""

    job: Job
    files: PictureFiles


def inner_job(job: Job, scheme: Scheme, made: Mapping[Any, Any]) -> Job:
    """A call on the run within the run; `made` is what the schemes have in common."""
    folds = job.recipe.folds.model_copy(
        update={"scheme": scheme, "repeats": 1, "anchor_share": 0.0}
    )
    recipe = job.recipe.model_copy(update={"folds": folds})
    return replace(job, recipe=recipe, run=job.run / SUITE / scheme, made=dict(made))


def skipped(suite: Suite, asked: list[str]) -> dict[str, str]:
    """The experiments whose weights cannot be had here, each with why; never begun from nothing."""
    from models.nets.weights import pretrained_backbone  # noqa: PLC0415 - it imports torch

    reasons, known = dict[str, str](), dict[tuple[str, str], str]()
    for number in asked:
        net = suite.experiments[number].network.net
        key = net.backbone, net.weights
        if key not in known:
            try:
                pretrained_backbone(net)
                known[key] = ""
            except DermstackError as error:
                known[key] = f"skipped, no weights: {error}"
        if known[key]:
            reasons[number] = known[key]
    return reasons


def experimenting(split: Split, number: str, experiment: Experiment, seed: int) -> Task:
    """One training."""
    job, files, net = split.job, split.files, experiment.network.net
    name, network = f"{number}_seed_{seed}", (f"e{number}", experiment.network)
    rows = open_picture_rows(files)
    asked = network_of(*network, rows.table, Findings())
    watched = (job.recipe.suite.melanoma, *job.recipe.data.positive)
    if lacking := [one for one in watched if one not in asked.classes]:
        raise ConfigError(
            f"experiments.{number} has no class {name_some(lacking)}, which suite.melanoma and "
            f"data.positive name; its classes are {name_some(asked.classes)}."
        )
    return Task(
        job.run / "networks" / name,
        SUITE,
        "pipeline.suite_network:train_experiment",
        settings=fold_settings(asked, FOLD, seed, job.recipe.data.positive),
        inputs={
            **files.hashes(), "folds.parquet": files.folds_sha,
            "weights": weights_of(job, files, net),
        },
        arguments={
            "files": files, "network": network, "run": (FOLD, seed), "machine": Machine.of(job),
            "checkpoints": job.run / "checkpoints" / name,
        },
        needs=partial(Machine.of(job).needs, net),
        on_change="stop",
    )  # fmt: skip


def comparing(
    job: Job, suite: Suite, splits: Mapping[Scheme, Split], trainings: Mapping[Trained, Task],
    reasons: Mapping[str, str],
) -> Task:  # fmt: skip
    """What all trainings are worth, each beside what it is held against."""
    config, score = job.recipe.suite, job.recipe.score
    return Task(
        job.run / SUITE / "leaderboard",
        SUITE,
        "pipeline.leaderboard:compare_experiments",
        settings={
            "score": score.model_dump(mode="json"),
            "melanoma": config.melanoma, "sensitivity": config.sensitivity,
            "said": suite.said(),
            "skipped": dict(reasons), "positive": list(job.recipe.data.positive),
            "look": look(),
        },
        inputs={
            f"{scheme}/{task.folder.name}": Output(task)
            for (scheme, _, _), task in trainings.items()
        },
        arguments={
            "suite": suite, "recipe": job.recipe,
            "files": {scheme: split.files for scheme, split in splits.items()},
            "units": {which: task.folder for which, task in trainings.items()},
            "skipped": dict(reasons),
        },
    )  # fmt: skip
