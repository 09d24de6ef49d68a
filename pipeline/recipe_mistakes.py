"""A mistake in a recipe as one sentence: which key, in which file, and what was probably meant."""

from collections.abc import Mapping, Sequence
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from models.networks.tasks.registry import TASKS
from models.networks.tasks.task import Task
from pipeline.recipe_files import meant
from workspace.errors import shorten


def worded(
    error: ValidationError, root: type[BaseModel], values: Mapping[str, Any],
    said_in: tuple[str, Sequence[str]],
) -> str:  # fmt: skip
    """One sentence for the first mistake, and how many more there are.

    `said_in` is the recipe's file, and the `a.b=1` settings that were typed beside it.
    """
    details = error.errors()
    more = f" (+{len(details) - 1} more)" if len(details) > 1 else ""
    mistake = _one_mistake(details[0], root, values, said_in)
    return mistake[:-1] + more + mistake[-1]


def _one_mistake(
    detail: ErrorDetails, root: type[BaseModel], values: Mapping[str, Any],
    said_in: tuple[str, Sequence[str]],
) -> str:  # fmt: skip
    unknown = detail["type"] == "extra_forbidden"
    keys, model = _as_spelt(detail["loc"], root, values, unknown=unknown)
    dotted, file = ".".join(keys), said_in[0]
    if any(_one_in_the_other(dotted, setting.partition("=")[0].strip()) for setting in said_in[1]):
        file = "SET"
    if unknown:
        known = [name for name in model.model_fields if not (model is root and name == "name")]
        near = meant(keys[-1], known, ".".join([*keys[:-1], ""]))
        hint = near if near != "." else f"; known are {', '.join(known)}."
        return f"Unknown option '{shorten(dotted)}' in {file}{hint}"
    if detail["type"] == "missing":
        return f"Option '{dotted}' is missing in {file}."
    message = detail["msg"].removeprefix("Value error, ").replace("tuple", "list")
    if not dotted:
        return f"Recipe {file}: {message}."
    given = shorten(repr(detail["input"]))
    return f"Option '{dotted}' in {file} is {given}: {message[0].lower()}{message[1:]}."


def _one_in_the_other(one: str, other: str) -> bool:
    """Whether a key is another, or below or above it."""
    return f"{one}.".startswith(f"{other}.") or f"{other}.".startswith(f"{one}.")


def _as_spelt(
    place: Sequence[str | int], root: type[BaseModel], values: Any, *, unknown: bool
) -> tuple[list[str], type[BaseModel]]:
    """A mistake's keys as the recipe spells them, and the model in which the last one is.

    Behind them pydantic may say which kind of value it tried.
    """
    model: type[BaseModel] = root
    inner: type[BaseModel] | None = root
    keys: list[str] = []
    named = False  # the next key is a name of the user's
    for key in place:
        if inner is None:
            break
        if named or isinstance(key, int):
            named = False
        elif key in inner.model_fields:
            model, annotation = inner, inner.model_fields[key].annotation
            inner, named = _model_in(annotation), get_origin(annotation) is dict
        elif unknown:
            model, inner = inner, None
        else:
            break
        keys.append(str(key))
        values = values.get(key) if isinstance(values, Mapping) else None
        if inner is Task:
            inner = _kind_of_task(values)
    return keys, model


def _kind_of_task(values: Any) -> type[Task]:
    """A task's fields are those of its kind."""
    kind = values.get("kind") if isinstance(values, Mapping) else None
    return TASKS.get(str(kind), Task)


def _model_in(annotation: object) -> type[BaseModel] | None:
    """The section behind a key, or behind each of several; None: a plain value."""
    choices = (annotation, *get_args(annotation))
    models = (c for c in choices if isinstance(c, type) and issubclass(c, BaseModel))
    return next(models, None)
