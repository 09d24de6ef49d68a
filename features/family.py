"""A family of columns: its name, what it lists, and what a reader of the page must know of it."""

from collections.abc import Callable
from dataclasses import dataclass

from features.feature import Feature
from features.request import Request


@dataclass(frozen=True)
class Family:
    """`features` lists the family's columns for what a recipe asks and a source has.

    `about` opens its section of docs/features.md. `setting` is the field of FeatureSettings that
    it reads, if it reads one.
    """

    name: str
    features: Callable[[Request], list[Feature]]
    about: str
    setting: str = ""
    on_request: bool = False  # left out unless a recipe names it
    from_others: bool = False  # made from all of the patient's lesions that are given together
