"""Kinds of values that several sections of a recipe have: seeds, and names out of a known list."""

from collections.abc import Callable, Collection
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticKnownError


def once_each(what: str) -> AfterValidator:
    """None of them stands there twice."""

    def check(values: tuple[Any, ...]) -> tuple[Any, ...]:
        if len(set(values)) != len(values):
            raise ValueError(f"names {what} twice")
        return values

    return AfterValidator(check)


Seed = Annotated[int, Field(ge=0, lt=2**32)]
Seeds = Annotated[tuple[Seed, ...], Field(min_length=1, strict=False), once_each("a seed")]
Names = Annotated[tuple[str, ...], Field(strict=False)]


def among(known: Callable[[], Collection[str]]) -> AfterValidator:
    """Names that all must be known; `known` is asked when they are read."""

    def check(names: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := [name for name in names if name not in known()]:
            raise ValueError(f"{', '.join(unknown)} is none of {', '.join(known())}")
        return names

    return AfterValidator(check)


def one_of(known: Callable[[], Collection[str]]) -> BeforeValidator:
    """One name out of a list that grows by a line; refused in the words of a `Literal`."""

    def check(name: object) -> object:
        names = [f"'{one}'" for one in known()]
        if name not in known():
            expected = " or ".join([", ".join(names[:-1]), names[-1]] if names[1:] else names)
            raise PydanticKnownError("literal_error", {"expected": expected})
        return name

    return BeforeValidator(check)
