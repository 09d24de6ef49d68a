"""Recipes as files: found by name or path, read with their bases, one value overridden by `a.b=1`.

Gives plain values; what they may be is said by the models of `pipeline.recipe`. A table of
`[networks]` may name a base of its own, one of recipes/networks/ or a file, and states what
differs.
"""

import difflib
import errno
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from pipeline.old_keys import refuse_old_keys
from workspace.errors import ConfigError, name_some, shorten

RECIPES = Path(__file__).resolve().parent.parent / "recipes"
NETWORKS = "networks"  # the folder of the networks' bases, and the recipe's table of them
SIZE_LIMIT = 2**20  # bytes; a recipe is a page, and a parser should not meet a bomb
DOTS_LIMIT = 200  # in a line; a parser's time grows with the square of a dotted key's parts
DEPTH_LIMIT = 16  # of keys and lists within one another; recipes have five

# Of [net], what is said of one backbone: another may not know the words, or mean another thing.
OPTIONS, OF_ONE_BACKBONE = "options", ("options", "drop_path")

Values = dict[str, Any]


def read_recipe(path: Path, settings: Sequence[str] = ()) -> Values:
    """All values of a recipe, its bases' and its networks' too, with these overridden."""
    values = _read_with_base(path, seen=())
    drawn = "synthetic" in values
    for setting in settings:
        _override(values, setting)
    if "synthetic" in values and not drawn:
        raise ConfigError(
            f"Recipe {path.stem} has no [synthetic] section: its data are real, and nothing is "
            "drawn into their folder. Take RECIPE=sample."
        )
    _put_networks_on_bases(values)
    return values


def find_recipe(name_or_path: str, beside: Path | None = None) -> Path:
    """`sample` is recipes/sample.toml; anything with a slash or `.toml` is a path."""
    if _is_path(name_or_path):
        path = (beside or Path()) / name_or_path
        if not _is_file(path):
            raise ConfigError(f"Recipe {shorten(name_or_path, 200)} is not there.")
        return path
    path = RECIPES / f"{name_or_path}.toml"
    if not _is_file(path):
        known = recipe_names()
        raise ConfigError(
            f"No recipe is called '{shorten(name_or_path)}'; there are {', '.join(known)}"
            f"{meant(name_or_path, known)}"
        )
    return path


def recipe_names() -> list[str]:
    """The recipes that come with the project."""
    return sorted(path.stem for path in RECIPES.glob("*.toml"))


def find_network(name_or_path: str, beside: Path) -> Path:
    """A network's base: networks/<name>.toml beside the recipe, else the project's; or a path."""
    if _is_path(name_or_path):
        path = beside / name_or_path
        if not _is_file(path):
            raise ConfigError(f"A network's base {shorten(name_or_path, 200)} is not there.")
        return path
    own = beside if beside.name == NETWORKS else beside / NETWORKS  # a base lies among its like
    for folder in (own, RECIPES / NETWORKS):
        path = folder / f"{name_or_path}.toml"
        if _is_file(path):
            return path
    known = sorted(path.stem for path in (RECIPES / NETWORKS).glob("*.toml"))
    raise ConfigError(
        f"No network's base is called '{shorten(name_or_path)}'; there are {', '.join(known)}"
        f"{meant(name_or_path, known)}"
    )


def meant(word: str, known: Sequence[str], section: str = "") -> str:
    """The end of a sentence about an unknown word: the nearest known one, or a full stop."""
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"; did you mean '{section}{near[0]}'?" if near else "."


def merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> Values:
    """The base's values with these changes, section by section.

    A backbone's options are replaced as one, so that `{}` empties them; another backbone than the
    base's begins without its options.
    """
    result = dict(base)
    if {"backbone"} <= base.keys() & changes.keys() and base["backbone"] != changes["backbone"]:
        result = {key: value for key, value in base.items() if key not in OF_ONE_BACKBONE}
    for key, value in changes.items():
        old = result.get(key)
        both = key != OPTIONS and isinstance(old, dict) and isinstance(value, dict)
        result[key] = merged(cast(Values, old), value) if both else value
    return result


def on_base(base: Values, stated: Values) -> Values:
    """A network's table on its base, which gives way where a stated value excludes its own.

    TOML cannot say None: stated class weights drop the base's alpha, `choose = "last"` the patience
    of its phases, and another kind of task all that the base's own is asked.
    """
    base, training = dict(base), dict(base.get("training", {}))
    asked, task = stated.get("training", {}), stated.get("task", {})
    if isinstance(asked, dict) and asked.get("class_weights"):
        training.pop("alpha", None)
    if isinstance(asked, dict) and asked.get("choose") == "last" and "phases" in training:
        training["phases"] = [
            {key: value for key, value in phase.items() if key != "patience"}
            for phase in training["phases"]
        ]
    if isinstance(task, dict) and task.get("kind", base.get("task", {}).get("kind")) != base.get(
        "task", {}
    ).get("kind"):
        base.pop("task")
        base.pop("claim", None)
        base.pop("source_only", None)
    return merged(base | ({"training": training} if training else {}), stated)


def _read_with_base(path: Path, seen: tuple[Path, ...]) -> Values:
    path = path.resolve()
    if path in seen:
        raise ConfigError(f"Recipes name each other as base: {name_some([p.name for p in seen])}.")
    values = parse_file(path)
    refuse_old_keys(values, path.name)
    _find_bases(values, path)
    base = values.pop("base", None)
    if base is None:
        return values
    if not isinstance(base, str):
        raise ConfigError(f"base in {path.name} must be one recipe's name or path.")
    return merged(_read_with_base(find_recipe(base, path.parent), (*seen, path)), values)


def _find_bases(values: Values, path: Path) -> None:
    """Networks' bases as whole paths, for a recipe built on this one may lie elsewhere."""
    for name, table in _networks(values).items():
        if "base" in table:
            base = table["base"]
            if not isinstance(base, str):
                raise ConfigError(
                    f"networks.{name}.base in {path.name} must be one network's name or path."
                )
            table["base"] = str(find_network(base, path.parent).resolve())


def _put_networks_on_bases(values: Values) -> None:
    for name, table in _networks(values).items():
        values[NETWORKS][name] = _on_its_base(table, Path(), seen=())


def _on_its_base(table: Values, beside: Path, seen: tuple[Path, ...]) -> Values:
    stated = dict(table)
    base = stated.pop("base", None)
    if base is None:
        return stated
    path = find_network(str(base), beside).resolve()
    if path in seen:
        raise ConfigError(f"Networks name each other as base: {name_some([p.name for p in seen])}.")
    return on_base(_on_its_base(parse_file(path), path.parent, (*seen, path)), stated)


def _networks(values: Values) -> dict[str, Values]:
    tables = values.get(NETWORKS, {})
    if not isinstance(tables, dict):
        return {}
    return {name: table for name, table in tables.items() if isinstance(table, dict)}


def parse_file(path: Path) -> Values:
    """The values of a recipe's file, or of one that lies beside recipes."""
    if path.stat().st_size > SIZE_LIMIT:
        raise ConfigError(f"Recipe {path.name} is over {SIZE_LIMIT} bytes; that is no recipe.")
    try:
        return parse_toml(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"Recipe {path.name} is not valid TOML: {error}.") from error


def parse_toml(text: str) -> Values:
    """Its values, with keys no deeper than any recipe's; a ValueError says what is not TOML.

    Dotted keys are counted before they are parsed: Python's parser takes a minute for 200,000.
    """
    if any(line.count(".") > DOTS_LIMIT for line in text.split("\n")):
        raise ValueError(f"a line has over {DOTS_LIMIT} dots")
    values = tomllib.loads(text)
    level: list[Any] = [values]
    for _ in range(DEPTH_LIMIT):
        level = [inner for value in level for inner in _within(value)]
    if level:
        raise ValueError(f"keys are over {DEPTH_LIMIT} deep")
    return values


def _within(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _override(values: Values, setting: str) -> None:
    """Apply one `a.b=value`; the value is TOML, or bare text."""
    dotted, separator, text = setting.partition("=")
    keys = dotted.strip().split(".")
    if not separator or not all(keys) or len(keys) > DEPTH_LIMIT:
        raise ConfigError(f"Cannot read --set '{shorten(setting)}'; write it as section.key=value.")
    value = _toml_value(text.strip())
    alone: Any = value
    for key in reversed(keys):
        alone = {key: alone}
    refuse_old_keys(alone, "SET")
    section = values
    for key in keys[:-1]:
        section = section.setdefault(key, {})
        if not isinstance(section, dict):
            raise ConfigError(f"'{shorten(dotted)}' does not exist: '{key}' has no keys below it.")
    section[keys[-1]] = value


def _toml_value(text: str) -> Any:
    try:
        return parse_toml(f"value = {text}")["value"]
    except (ValueError, RecursionError):
        return text


def _is_file(path: Path) -> bool:
    """Whether it is there; a name that is too long for any file system is not."""
    try:
        return path.is_file()
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            return False
        raise


def _is_path(name: str) -> bool:
    return name.endswith(".toml") or "/" in name
