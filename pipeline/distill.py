"""A teacher and its students as tasks: trained on splits with three sides, beside baselines.

Reads samples and one folds.parquet for each scheme; keeps trainings and baselines in
<run>/distill/<scheme>/, what they are worth in <run>/distill/. A seed's student learns from that
seed's teacher, so that the luck of a teacher is in the interval of what it brings; a network that
begins with another's weights begins with those of its seed.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

from folds.findings import Findings
from folds.split import Scheme
from models.distill.config import Baseline, Fewer
from models.distill.simple import NAMES
from models.networks.network import Network, network_of
from pipeline.job import Job
from pipeline.machine import Machine
from pipeline.networks import check_same_classes
from pipeline.picture_rows import open_picture_rows
from pipeline.recipe import Recipe
from pipeline.sided import Split, sided_training
from workspace.errors import ConfigError, DataError
from workspace.tasks import Output, Task

DISTILL = "distill"
SHEET, PARETO, ABSTENTION = "distill.json", "pareto.svg", "abstention.svg"
COLUMNS = "columns.parquet"  # of each picture, for the naive baselines
LEAK: Scheme = "by_image"
Trained = tuple[Scheme, str, int]  # split, name of a network, a rounded one or a baseline, seed


def asked_networks(job: Job) -> tuple[str, ...]:
    """The networks to compare, in order."""
    recipe, named = job.recipe, job.recipe.distill.networks
    names = named or tuple(n for n, one in recipe.used.items() if one.task.of_target)
    if not names:
        raise ConfigError(
            "This recipe has no network that learns the target; add one, and name it in "
            "distill.networks."
        )
    for name in names:
        for start in made_from(recipe, name):
            if recipe.networks[start].task.sees_all:
                raise ConfigError(
                    f"networks.{start}.task.rows='all' would show validation and test pictures to "
                    f"what networks.{name} is made from, and 'make distill' measures on these; "
                    "take rows='fold', or other distill.networks."
                )
    return names


def made_from(recipe: Recipe, name: str) -> list[str]:
    """The networks with which one begins or that teach it, and theirs, each before its own."""
    network = recipe.networks[name]
    teacher = None if network.teacher is None else network.teacher.network
    direct = [one for one in (recipe.beginning_of(network.net), teacher) if one is not None]
    return list(dict.fromkeys(n for one in direct for n in (*made_from(recipe, one), one)))


def network_on(split: Split, name: str) -> Network:
    """A network of the recipe, with the labels of these rows."""
    rows = open_picture_rows(split.files)
    return network_of(name, split.job.recipe.networks[name], rows.table, Findings())


def student(split: Split, name: str, seed: int) -> Task:
    """A training, and with it those that it begins with and learns from: same split, same seed.

    The same task whoever asks in a call.
    """
    job, key = split.job, (DISTILL, name, seed)
    if key not in job.made:
        network, start, teacher = network_on(split, name), None, None
        if (beginning := job.recipe.beginning_of(network.config.net)) is not None:
            if network.config.net.weight_bits is not None:
                check_same_classes(network, network_on(split, beginning), "net.weights")
            start = student(split, beginning, seed)
        if (config := network.config.teacher) is not None:
            check_same_classes(network, network_on(split, config.network), "teacher.network")
            teacher = student(split, config.network, seed)
        job.made[key] = sided_training(split, network, (name, seed), DISTILL, start, teacher)
    task: Task = job.made[key]
    return task


def rounded_name(name: str, precision: Fewer) -> str:
    """What a rounded network is called; no network of a recipe can be called so."""
    return f"{name} in {precision}"


def rounding(split: Split, trained: Task, precision: Fewer) -> Task:
    """A training's network, rounded to fewer bits once it is trained."""
    job, files, name = split.job, split.files, trained.folder.name
    network, config = trained.arguments["network"]
    return Task(
        job.run / "rounded" / f"{name}_{precision}",
        DISTILL,
        "pipeline.rounded:round_sided",
        settings={"precision": precision},
        inputs={**files.hashes(), "folds.parquet": files.folds_sha, "trained": Output(trained)},
        arguments={
            "files": files, "network": (network, config), "run": trained.arguments["run"],
            "machine": Machine.of(job), "trained": (trained.folder, precision),
        },
        needs=partial(Machine.of(job).needs, config.net),
    )  # fmt: skip


def describing(split: Split, run: Job) -> Task:
    """What the naive baselines look at: of every picture, whatever the split."""
    return Task(
        run.run / DISTILL / "simple",
        DISTILL,
        "pipeline.baselines:describe_pictures",
        settings={"columns": list(NAMES)},
        inputs=split.files.hashes(),
        arguments={"files": split.files},
    )


def fitting(split: Split, columns: Task, network: Network, which: Baseline, seed: int) -> Task:
    """A naive baseline, of the same rows and labels as a network."""
    job, recipe = split.job, split.job.recipe
    own = recipe.boosting_settings if which == "gradient_boosting" else {}
    return Task(
        job.run / "baselines" / f"{which}_seed_{seed}",
        DISTILL,
        "pipeline.baselines:fit_baseline",
        settings={"baseline": which, "seed": seed, "task": network.task.settings(), **own},
        inputs={
            **split.files.hashes(), "folds.parquet": split.files.folds_sha,
            "columns": Output(columns, COLUMNS),
        },
        arguments={
            "files": split.files, "columns": columns.folder,
            "model": (which, seed, recipe.boosting), "network": (network.name, network.config),
        },
    )  # fmt: skip


def check_sides(scheme: Scheme, split: Split, network: Network) -> None:
    """Refuse before any training a side on which nothing can be measured."""
    learnt, test = open_picture_rows(split.files).by_side
    for side, places in (("validation", learnt.validation), ("test", test)):
        codes = network.codes[places]
        if not {0, 1} <= set(codes.tolist()):
            raise DataError(
                f"The {side} side of {scheme} has {int((codes == 1).sum())} positives and "
                f"{int((codes == 0).sum())} others, and both are needed; take another "
                "distill.scheme, seed or folds.test_share."
            )


def comparing(
    job: Job, names: tuple[str, ...], splits: Mapping[Scheme, Split],
    tasks: Mapping[Trained, Task],
) -> Task:  # fmt: skip
    """What all are worth, each held against the reference or another one."""
    recipe = job.recipe
    config = recipe.distill.model_copy(update={"networks": names})
    settings: dict[str, Any] = {
        "score": recipe.score.model_dump(mode="json"), "distill": config.settings(),
    }  # fmt: skip
    return Task(
        job.run / DISTILL / "sheet",
        DISTILL,
        "pipeline.distilled:compare_students",
        settings=settings,
        inputs={
            **next(iter(splits.values())).files.duplicates(),
            **{
                f"{scheme}/{task.folder.name}": Output(task)
                for (scheme, _, _), task in tasks.items()
            },
        },
        arguments={
            "files": {scheme: split.files for scheme, split in splits.items()},
            "networks": {name: recipe.networks[name] for name in names},
            "units": {which: task.folder for which, task in tasks.items()},
            "how": (config, recipe.score),
            "fewer": {
                rounded_name(name, precision): (name, precision)
                for name in config.rounded for precision in config.precisions
            },
        },
    )  # fmt: skip
