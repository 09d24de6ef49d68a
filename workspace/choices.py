"""Kinds of values that several sections of a recipe have: seeds, and names out of a known list."""

from collections.abc import Callable, Collection
from typing import Annotated

from pydantic import AfterValidator, Field


def _once_each(seeds: tuple[int, ...]) -> tuple[int, ...]:
    if len(set(seeds)) != len(seeds):
        raise ValueError("names a seed twice")
    return seeds


Seed = Annotated[int, Field(ge=0, lt=2**32)]
Seeds = Annotated[tuple[Seed, ...], Field(min_length=1, strict=False), AfterValidator(_once_each)]
Names = Annotated[tuple[str, ...], Field(strict=False)]


def among(known: Callable[[], Collection[str]]) -> AfterValidator:
    """Names that all must be known; `known` is asked when they are read."""

    def check(names: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := [name for name in names if name not in known()]:
            raise ValueError(f"{', '.join(unknown)} is none of {', '.join(known())}")
        return names

    return AfterValidator(check)
