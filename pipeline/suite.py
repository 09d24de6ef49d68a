"""A suite as tasks: each experiment and seed on each split is a training; then all are compared.

Reads samples and one folds.parquet for each scheme; keeps trainings in
<run>/suite/<scheme>/networks/<number>_seed_<s>/, what they are worth in <run>/suite/leaderboard/.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from folds.findings import Findings, plural
from folds.official import ANEW, PUBLISHED
from folds.split import Scheme
from models.nets.config import HUB
from models.networks.network import network_of
from models.suite.config import Experiment, Suite
from pipeline.job import Job
from pipeline.picture_rows import open_picture_rows
from pipeline.recipe import Recipe
from pipeline.sided import Split, sided_training
from reports.suite.leaderboard import look
from workspace.errors import ConfigError, DataError, DermstackError, name_some
from workspace.tasks import Output, Task

SUITE = "suite"
LEADERBOARD, PAGE = "leaderboard.json", "leaderboard.html"
PUBLISHES = "dermamnist"  # the source that has a split of its own
SUITED = ("dermamnist", "dermamnist_by_lesion")  # recipes
Trained = tuple[Scheme, str, int]  # split, number of the experiment, seed


def check_suited(recipe: Recipe) -> None:
    """Refuse a recipe whose source has no split to compare on, before anything is made."""
    published = [scheme for scheme in recipe.suite.schemes if scheme in (PUBLISHED, *ANEW)]
    if recipe.data.source != PUBLISHES and published:
        raise ConfigError(
            f"Recipe {recipe.name} has no suite: its source {recipe.data.source!r} publishes no "
            f"split, which suite.schemes={published[0]!r} needs; take RECIPE="
            f"{' or RECIPE='.join(SUITED)}."
        )


def skipped(suite: Suite, asked: list[str]) -> dict[str, str]:
    """The experiments whose weights cannot be fetched, each with why; never begun from nothing.

    Any other mistake about a net stops: a backbone that is unknown, a file that is not there.
    """
    from models.nets.weights import blank_backbone, pretrained_backbone  # noqa: PLC0415 - torch

    reasons, known = dict[str, str](), dict[str, str]()
    for number in asked:
        net = suite.experiments[number].network.net
        key = net.model_copy(update={"dropout": (0.0,), "hidden": ()})
        if str(key) not in known:
            blank_backbone(net)
            try:
                pretrained_backbone(net)
                known[str(key)] = ""
            except DermstackError as error:
                if net.weights != HUB:
                    raise
                known[str(key)] = f"skipped, no weights: {error}"
        if known[str(key)]:
            reasons[number] = known[str(key)]
    return reasons


def experimenting(split: Split, number: str, experiment: Experiment, seed: int) -> Task:
    """One training."""
    rows = open_picture_rows(split.files)
    network = network_of(f"e{number}", experiment.network, rows.table, Findings())
    return sided_training(split, network, (number, seed), SUITE)


def check_classes(suite: Suite, numbers: Sequence[str], scheme: Scheme, split: Split) -> None:
    """Refuse before any training what could not be compared after all of them."""
    recipe, rows = split.job.recipe, open_picture_rows(split.files)
    asked = {
        n: network_of(f"e{n}", suite.experiments[n].network, rows.table, Findings())
        for n in numbers
    }
    number, first = next(iter(asked.items()))
    watched = (recipe.suite.melanoma, *recipe.data.positive)
    if lacking := [one for one in watched if one not in first.classes]:
        raise ConfigError(
            f"experiments.{number} has no class {name_some(lacking)}, which suite.melanoma and "
            f"data.positive name; its classes are {name_some(first.classes)}."
        )
    if other := [n for n, one in asked.items() if one.classes != first.classes]:
        raise ConfigError(
            f"experiments.{other[0]} has other classes than experiments.{number}, or in another "
            "order, and nothing compares them; give all of a suite the same."
        )
    learnt, test = rows.by_side
    for side, places in (("validation", learnt.validation), ("test", test)):
        codes = first.codes[places]
        if (codes < 0).any():
            raise DataError(
                f"{plural(int((codes < 0).sum()), 'row')} on the {side} side of {scheme} are of no "
                f"class of experiments.{number}; name their diagnoses in task.classes."
            )
        cancer = np.isin(np.array(first.classes)[codes], recipe.data.positive)
        if cancer.all() or not cancer.any():
            raise DataError(
                f"The {side} side of {scheme} has {int(cancer.sum())} rows with and "
                f"{int((~cancer).sum())} without a diagnosis of data.positive, and a suite needs "
                "both; take another of suite.schemes."
            )
    if not (first.codes[test] == first.classes.index(recipe.suite.melanoma)).any():
        raise DataError(
            f"The test side of {scheme} has no {recipe.suite.melanoma}; take another of "
            "suite.schemes, or of suite.melanoma."
        )


def comparing(
    job: Job, suite: Suite, splits: Mapping[Scheme, Split], trainings: Mapping[Trained, Task],
    reasons: Mapping[str, str],
) -> Task:  # fmt: skip
    """What all trainings are worth, each beside what it is held against."""
    config, score, schemes = job.recipe.suite, job.recipe.score, list(splits)
    # Inputs have no order, and the page has; pages of old that keep this one stay as they are.
    led = {} if schemes == sorted(schemes) else {"schemes": schemes}
    return Task(
        job.run / SUITE / "leaderboard",
        SUITE,
        "pipeline.suite_sheet:compare_experiments",
        settings={
            "score": score.model_dump(mode="json"),
            "melanoma": config.melanoma, "sensitivity": config.sensitivity,
            "said": suite.said(),
            "skipped": dict(reasons), "positive": list(job.recipe.data.positive),
            "look": look(), **led,
        },
        inputs={
            **next(iter(splits.values())).files.duplicates(),
            **{
                f"{scheme}/{task.folder.name}": Output(task)
                for (scheme, _, _), task in trainings.items()
            },
        },
        arguments={
            "suite": suite, "recipe": job.recipe,
            "files": {scheme: split.files for scheme, split in splits.items()},
            "units": {which: task.folder for which, task in trainings.items()},
            "skipped": dict(reasons),
        },
    )  # fmt: skip
