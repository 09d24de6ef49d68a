"""A suite's experiments, read from their TOML: each on the one that it changes, all on [shared]."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from models.suite.config import IMAGENET, Suite, SuiteConfig
from pipeline.recipe_files import RECIPES, meant, on_base, parse_file
from pipeline.recipe_mistakes import worded
from workspace.errors import ConfigError, name_some, shorten

SUITES = "suites"
ENDING = ".toml"


def read_suite(config: SuiteConfig) -> Suite:
    """All experiments of the recipe's suite; those that ask for ImageNet's weights with these."""
    path = _find(config.experiments)
    values = parse_file(path)
    shared, stated = values.pop("shared", {}), values.get("experiments", {})
    if not isinstance(shared, dict):
        raise ConfigError(f"shared in {path.name} is no table.")
    values["experiments"] = {
        number: {**one, "network": _network(number, stated, shared, ())}
        for number, one in _tables(stated, path.name).items()
    }
    for one in values["experiments"].values():
        if one["network"].get("net", {}).get("weights") == IMAGENET:
            one["network"]["net"]["weights"] = config.imagenet
    try:
        return Suite.model_validate(values)
    except ValidationError as error:
        raise ConfigError(worded(error, Suite, values, (path.name, ()))) from error


def asked_of(suite: Suite, config: SuiteConfig) -> list[str]:
    """The numbers of the experiments that the recipe asks for, in the suite's order."""
    known = list(suite.experiments)
    if unknown := [number for number in config.only if number not in known]:
        raise ConfigError(
            f"suite.only names {name_some(unknown)}; there are {known[0]} to {known[-1]}."
        )
    return [number for number in known if not config.only or number in config.only]


def _network(
    number: str, stated: Mapping[str, Any], shared: Mapping[str, Any], seen: tuple[str, ...]
) -> dict[str, Any]:
    """The whole table of an experiment's network."""
    if number in seen:
        raise ConfigError(f"Experiments change each other: {name_some(seen)}.")
    if number not in stated:
        raise ConfigError(f"experiments.{seen[-1]} changes {shorten(number)}, which is not there.")
    one, base = stated[number], dict(shared)
    if "of" in one:
        base = _network(str(one["of"]), stated, shared, (*seen, number))
    changes = one.get("network", {})
    if not isinstance(changes, dict) or not all(
        isinstance(changes.get(key, {}), dict) for key in ("net", "task", "training", "augment")
    ):
        raise ConfigError(
            f"experiments.{number}.network is no table of net, task, training, augment."
        )
    return on_base(base, changes)


def _tables(stated: Any, file: str) -> dict[str, dict[str, Any]]:
    if not isinstance(stated, dict) or not stated:
        raise ConfigError(f"{file} has no experiments; state some as [experiments.<number>].")
    if odd := [name for name, one in stated.items() if not isinstance(one, dict)]:
        raise ConfigError(f"experiments.{odd[0]} in {file} is no table.")
    return stated


def _find(name: str) -> Path:
    folder = RECIPES / SUITES
    path = Path(name) if name.endswith(ENDING) or "/" in name else folder / f"{name}{ENDING}"
    if not path.is_file():
        known = sorted(one.stem for one in folder.glob(f"*{ENDING}"))
        raise ConfigError(
            f"No suite is called '{shorten(name)}'; there are {name_some(known)}"
            f"{meant(name, known)}"
        )
    return path
