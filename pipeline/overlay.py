"""A recipe as text: what it states of its own, on a base; how tuned values are kept for use."""

from collections.abc import Mapping
from typing import Any


def overlay(sections: Mapping[str, Mapping[str, Any]], **stated: Any) -> str:
    """A recipe of these values at its top (`base`, `about`), and of these sections."""
    lines = [f"{key} = {toml_of(value)}" for key, value in stated.items()]
    for name, values in sections.items():
        lines += ["", f"[{name}]", *(f"{key} = {toml_of(value)}" for key, value in values.items())]
    return "\n".join(lines) + "\n"


def toml_of(value: Any) -> str:
    """A value as a recipe or SET= may say it; TOML has no word for None."""
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(toml_of, value))}]"
    if isinstance(value, Mapping):
        inside = ", ".join(f"{_key(key)} = {toml_of(one)}" for key, one in value.items())
        return f"{{ {inside} }}" if inside else "{}"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value)


def _key(key: str) -> str:
    """Classes are named by their users."""
    return key if key.replace("_", "").isalnum() and key.isascii() else toml_of(key)
