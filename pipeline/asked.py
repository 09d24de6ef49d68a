"""What was typed for a call, held against what a run was made with.

A value that nothing of a finished run was made with changes nothing of it: to say "up to date", or
to score new data as if it did, would be to agree with whoever typed it.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.recipe import Recipe, load_recipe, recipe_names
from pipeline.run_units import ASIDE
from reports.config import ReportConfig
from workspace.errors import ArtifactError, ConfigError, name_some
from workspace.manifest import NAME, Manifest, load_manifest

RECIPE = "name"  # the key that RECIPE= stands for
# What scoring new data with a finished run reads of the recipe; everything else is the run's.
OF_NEW_DATA = ("data", "verify", "predict")
# Of stages that need no other: the one section that each reads.
READ_ALONE = {"score": "score", "leaderboard": "score"}
OF_RUNS = ("leaderboard",)  # stages that are of several runs: each has a folder of its own in runs/
# By reports; no prediction comes of them.
SHOWN_ALONE = ("ablation", "comparison", "eda", "hospitals", "leaks", "trials", "tune")
SPEAKING = ("stack", "networks/*", "folds", "samples")  # whose recipe is the run's, the first there
# Folders whose units hang on a key that they do not name in their settings.
FOLDERS = {
    "audit": "leaks", "compare": "comparison", "network_seed": "networks",
    "use_networks": "networks",
}  # fmt: skip
OF_NETWORKS = ("networks", "encoders", "embeddings", "blocks")  # folders of units by network

Where = Path  # a unit's folder in its run
Made = tuple[Where, Manifest]


def keys_of(settings: Sequence[str]) -> list[str]:
    """The keys of `a.b=1` settings, each once."""
    return list(dict.fromkeys(setting.partition("=")[0].strip() for setting in settings))


def idle(recipe: Recipe, keys: Sequence[str], made: Iterable[Made]) -> list[str]:
    """Those of the keys whose value none of these units was made with; none where there is none."""
    if not keys or not (units := list(made)):
        return []
    asked = recipe.resolved()
    return [
        key
        for key in keys
        if all(_value(one.recipe, key) != _value(asked, key) for one in _hanging_on(key, units))
    ]


def refuse_idle(stage: str, recipe: Recipe, run: Path, keys: Sequence[str]) -> None:
    """Of a stage that makes nothing of its run anew: these must be what the run was made with."""
    aside = ASIDE if stage == "report" else (*ASIDE, *SHOWN_ALONE)
    keys = [key for key in keys if section_of(key) != stage]  # its own, which it reads now
    found = idle(recipe, keys, _made(run, aside))
    if RECIPE in found:
        names = {str(one.recipe.get(RECIPE)) for _, one in _made(run, aside)}
        raise ConfigError(
            f"{run} is a run of {name_some(sorted(names))}, not of {recipe.name}; leave out "
            "RECIPE=, or name that one's run with RUN=."
        )
    if found:
        raise ConfigError(
            f"Nothing in {run} was made with {name_some(said(recipe, found))}, and '{stage}' makes "
            "none of it anew; call the stage that uses it first, or leave it out."
        )


def own_recipe(run: Path) -> str | None:
    """The name of the recipe that a run was made by; None where nothing is made."""
    for pattern in SPEAKING:
        for folder in sorted(run.glob(pattern)):
            manifest = _manifest(folder)
            if manifest is not None:
                return _known(run, str(manifest.recipe.get(RECIPE)))
    return None


def as_made(manifest: Manifest, recipe: Recipe) -> Manifest:
    """The run's own recipe, but for what this call reads of new data."""
    read = {key: value for key, value in recipe.resolved().items() if key in OF_NEW_DATA}
    return manifest.model_copy(update={"recipe": {**manifest.recipe, **read}})


def report_config(recipe: Recipe, made: Mapping[str, Any]) -> ReportConfig:
    """The section `[report]` of a call that draws a page of a run; `made` is the run's recipe.

    A call that names no recipe has another one's, by which nothing that the run forbids is shown.
    """
    if recipe.name == made.get(RECIPE):
        return recipe.report
    kept = made.get("report", {})  # a run of before has none
    return ReportConfig.model_validate(kept | recipe.report.model_dump(exclude_unset=True))


def recipe_of(run: Mapping[str, Any], called: Recipe) -> Recipe | None:
    """The recipe that `run` is of, with its folders; None where nobody has said where it lies."""
    name = str(run.get(RECIPE))
    if called.name == name:
        return called
    return load_recipe(name) if name in recipe_names() else None


def said(recipe: Recipe, keys: Sequence[str]) -> list[str]:
    """Each key with its value, as it may be typed."""
    return [f"{key}={_value(recipe.resolved(), key)}" for key in keys]


def section_of(key: str) -> str:
    """The recipe's section that a key is of, or the key itself."""
    return key.partition(".")[0]


def _known(run: Path, name: str) -> str:
    """A recipe that is no file of ours lies where nobody has said."""
    if name not in recipe_names():
        raise ConfigError(f"{run} is a run of {name}; name its recipe, RECIPE=<path>/{name}.toml.")
    return name


def _hanging_on(key: str, made: Sequence[Made]) -> Sequence[Manifest]:
    """The units that the key's value is of use to; where none is, all that it was said to.

    A unit keeps the whole recipe of its making, also what it never read: folds know nothing of a
    learning rate. What it read are its settings; they lack what came to it as inputs.
    """
    for is_of in (_reads, _reads_some):
        if some := [one for where, one in made if is_of(key, where, one)]:
            return some
    return [one for _, one in made]


def _reads(key: str, where: Where, made: Manifest) -> bool:
    section, _, rest = key.partition(".")
    if section == "networks" and rest:
        network = re.sub(r"_fold_(all|[\d_]+)$", "", where.parts[min(1, len(where.parts) - 1)])
        return where.parts[0] in OF_NETWORKS and network == section_of(rest)
    if where.parts[0] == FOLDERS.get(section, section):
        return True
    settings: Any = made.settings
    for part in key.split("."):
        if not isinstance(settings, Mapping) or part not in settings:
            return False
        settings = settings[part]
    return True


def _reads_some(key: str, where: Where, made: Manifest) -> bool:
    return section_of(key) in made.settings


def _made(run: Path, aside: Sequence[str]) -> Iterator[Made]:
    """All that the run was made of; of boosters those that its stack is of."""
    stack = _manifest(run / "stack")
    for path in sorted((*run.glob(f"*/{NAME}"), *run.glob(f"*/*/{NAME}"))):
        where = path.parent.relative_to(run)
        left = where.parts[0] == "boosters" and stack and where.name not in stack.inputs
        if where.parts[0] in aside or left:
            continue
        manifest = _manifest(path.parent)
        if manifest is not None:
            yield where, manifest


def _manifest(folder: Path) -> Manifest | None:
    try:
        return load_manifest(folder)
    except ArtifactError:
        return None  # who reads it says what is wrong with it


def _value(recipe: Mapping[str, Any], key: str) -> Any:
    """The value of a.b.c; of a key that a recipe only reads, such as a base, what it is part of."""
    value: Any = recipe
    for part in key.split("."):
        if not isinstance(value, Mapping) or part not in value:
            break
        value = value[part]
    return value
