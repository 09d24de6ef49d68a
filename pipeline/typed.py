"""What must be typed to make more of a run, told from what it was made with.

A manifest holds the resolved recipe, and folders by their names alone; what differs from the recipe
as it stands now was typed, or the recipe has changed since. Either way it takes these words, and
whether they suffice is tried before they are told.
"""

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.overlay import toml_of
from pipeline.recipe import Recipe, load_recipe, recipe_names
from workspace.errors import ConfigError, name_some

SOMEWHERE = "<path>"  # no page names a folder of this machine
UNSAID = ("name", "about", "data.folder")  # RECIPE= and DATA= say them
PATHS = ("data.lesions", "align.pictures", "export.runtime", "suite.experiments", "suite.imagenet")


@dataclass(frozen=True)
class Typed:
    """What stands behind `make <stage>`, and what of the run it cannot say."""

    words: str
    unsaid: str = ""


def typed_again(recipe: Recipe, made: Mapping[str, Any], run: Path) -> Typed:
    """The words of a run that was `made` so; `recipe` may be its own, with what was typed now."""
    name = str(made["name"])
    address = recipe.address if recipe.name == name else name
    word = name if address == name in recipe_names() else f"{SOMEWHERE}/{name}.toml"
    where = "" if _is_usual(run, name) else f" RUN={SOMEWHERE}/{run.name}"
    if recipe.name != name not in recipe_names():
        return Typed(f" RECIPE={word}{where}", "Its SET= and DATA= are to be added, if any.")
    before = load_recipe(address).resolved()
    settings = _taken(address, list(_settings(made, before)))
    own = before["data"]["folder"]
    folder = made.get("data", {}).get("folder", own)
    data = f" DATA={SOMEWHERE}/{folder}" if folder != own else ""
    typed = f" SET={shlex.quote(' '.join(settings))}" if settings else ""
    left = list(_differing(made, load_recipe(address, settings).resolved()))
    unsaid = f"No SET= of now can say what it was made with: {name_some(left)}." if left else ""
    return Typed(f" RECIPE={word}{data}{where}{typed}", unsaid)


def _is_usual(run: Path, name: str) -> bool:
    return run.resolve() == (Path("runs") / name).resolve()


def _settings(made: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """Each value that differs, as SET= takes it."""
    for key in _differing(made, now, new=True):
        value = _stated(_value(made, key))
        is_path = key in PATHS or (key.endswith(".net.weights") and "." in str(value))
        if value is not None:
            yield f"{key}={toml_of(f'{SOMEWHERE}/{value}' if is_path else value)}"


def _differing(
    made: Mapping[str, Any], now: Mapping[str, Any], before: str = "", *, new: bool = False
) -> Iterator[str]:
    """Dotted keys of values that are not as they were made; `new`: keys that there are not now."""
    for key, value in made.items():
        dotted = f"{before}{key}"
        if dotted in UNSAID or (key not in now and not new):
            continue
        other = now.get(key)
        if isinstance(value, Mapping) and isinstance(other, Mapping):
            yield from _differing(value, other, f"{dotted}.", new=new)
        elif value != other:
            yield dotted


def _taken(address: str, settings: list[str]) -> list[str]:
    """Those that the recipe takes: of another version's keys some may be unknown today."""
    if _takes(address, settings):
        return settings
    return [setting for setting in settings if _takes(address, [setting])]


def _takes(address: str, settings: list[str]) -> bool:
    try:
        load_recipe(address, settings)
    except ConfigError:
        return False
    return True


def _stated(value: Any) -> Any:
    """Without what is None in it, for which TOML has no word: nothing said is None."""
    if isinstance(value, Mapping):
        return {key: _stated(one) for key, one in value.items() if one is not None}
    return [_stated(one) for one in value] if isinstance(value, list) else value


def _value(made: Mapping[str, Any], key: str) -> Any:
    value: Any = made
    for part in key.split("."):
        value = value[part]
    return value
