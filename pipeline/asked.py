"""What was typed for a call, held against what a run was made with.

A value that nothing of a finished run was made with changes nothing of it: to say "up to date", or
to score new data as if it did, would be to agree with whoever typed it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.recipe import Recipe
from workspace.errors import ArtifactError, ConfigError, name_some
from workspace.manifest import NAME, Manifest, load_manifest

RECIPE = "name"  # the key that RECIPE= stands for
# What scoring new data with a finished run reads of the recipe; everything else is the run's.
OF_NEW_DATA = (RECIPE, "data", "verify", "predict")
OF_PICTURES = (*OF_NEW_DATA, "networks", "use_networks", "cascade")
ASIDE = ("predictions", "scores", "report")  # of the run, but nothing that it was made of


def keys_of(settings: Sequence[str]) -> list[str]:
    """The keys of `a.b=1` settings, each once."""
    return list(dict.fromkeys(setting.partition("=")[0].strip() for setting in settings))


def idle(recipe: Recipe, keys: Sequence[str], manifests: Iterable[Manifest]) -> list[str]:
    """Those of the keys whose value none of these units was made with; none where there is none."""
    asked, left, some = recipe.resolved(), list(keys), False
    for manifest in manifests:
        some = True
        left = [key for key in left if _value(manifest.recipe, key) != _value(asked, key)]
        if not left:
            break
    return left if some else []


def refuse_idle(stage: str, recipe: Recipe, run: Path, keys: Sequence[str]) -> None:
    """Of a stage that makes nothing of its run anew: these must be what the run was made with."""
    found = idle(recipe, keys, _manifests(run))
    if RECIPE in found:
        names = {str(one.recipe.get(RECIPE)) for one in _manifests(run)}
        raise ConfigError(
            f"{run} is a run of {name_some(sorted(names))}, not of {recipe.name}; leave out "
            "RECIPE=, or name that one's run with RUN=."
        )
    if found:
        raise ConfigError(
            f"Nothing in {run} was made with {name_some(said(recipe, found))}, and '{stage}' makes "
            "none of it anew; call the stage that uses it first, or leave it out."
        )


def said(recipe: Recipe, keys: Sequence[str]) -> list[str]:
    """Each key with its value, as it may be typed."""
    return [f"{key}={_value(recipe.resolved(), key)}" for key in keys]


def _manifests(run: Path) -> Iterator[Manifest]:
    """Of all that the run was made of."""
    for path in sorted((*run.glob(f"*/{NAME}"), *run.glob(f"*/*/{NAME}"))):
        if path.relative_to(run).parts[0] in ASIDE:
            continue
        try:
            manifest = load_manifest(path.parent)
        except ArtifactError:
            continue  # who reads it says what is wrong with it
        if manifest is not None:
            yield manifest


def _value(recipe: Mapping[str, Any], key: str) -> Any:
    """The value of a.b.c; of a key that a recipe only reads, such as a base, what it is part of."""
    value: Any = recipe
    for part in key.split("."):
        if not isinstance(value, Mapping) or part not in value:
            break
        value = value[part]
    return value
