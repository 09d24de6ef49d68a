"""The sheet of `make eda`, eda.json: every number of its page, as the measuring rooms make it."""

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from folds.explored import Diagnosis, Missing, WithPositives
from folds.spread import Spread
from metrics.separability import Separability
from metrics.shares import Elsewhere, Share


class LookedAt(TypedDict):
    """Which rows, of how many, and how intervals are drawn."""

    rows: int
    positives: int
    groups: int | None
    group: str  # patient, lesion or none
    left: Mapping[str, int]  # rows that were not looked at, by side
    every_row: bool  # whether rows that scores are reported on are among them
    limited: int | None  # of a rehearsal
    replicates: int
    level: float


class Lacking(Missing):
    """A column with gaps, and the share of positives among rows without a value and with one."""

    without: Share | None
    having: Share | None


class Number(Separability):
    """A column of numbers."""

    name: str
    missing: int


class Words(TypedDict):
    """A column of words: its levels, and what they say of patients they were not learnt from."""

    name: str
    distinct: int
    levels: Sequence[Share]
    elsewhere: Elsewhere | None


class Groups(TypedDict):
    """How many rows and positives a patient (or lesion) has."""

    median: float
    largest: int
    sizes: Sequence[Share]  # by the number of the group's rows, `patients` are the groups
    positives: Sequence[WithPositives]


class Correlations(TypedDict):
    """Spearman's, of the columns that tell classes apart best, and what goes together of all."""

    n: int
    names: Sequence[str]
    matrix: Sequence[Sequence[float | None]]
    above: float
    pairs: Sequence[tuple[str, str, float]]


SIDES, WEIGHT = ("width", "height"), "file size"  # of pictures, in pixels and in kB


class Measured(TypedDict):
    """Something measured of pictures: how it lies, and what it says of the class by itself."""

    name: str
    spread: Spread
    alone: Separability


class Tinted(TypedDict):
    """The mean colour and brightness of pictures of one class and hospital."""

    target: int
    hospital: str | None
    n: int
    colour: Sequence[float]  # red, green, blue
    brightness: Sequence[float]  # quartiles


class Pictures(TypedDict):
    """Sizes and colours; `drawn` pictures were asked for their bytes."""

    n: int
    shapes: int
    measured: Sequence[Measured]
    drawn: int
    tints: Sequence[Tinted]


class Kind(TypedDict):
    """Pairs of one kind: all, those of two groups, those on two of the source's own sides."""

    kind: str
    pairs: int
    across: int
    between: int


class Pairs(TypedDict):
    """Pictures that are one, or may be."""

    compared: int
    kinds: Sequence[Kind]
    look_alikes: int | None  # None: nobody asked for them
    shown: Sequence[tuple[str, str, str, float | None]]


class Eda(TypedDict):
    """The whole sheet; a part that makes no sense for a source is None."""

    name: str
    about: str
    synthetic: bool
    recipe: Mapping[str, Any]  # values that the sentences of decisions quote
    looked_at: LookedAt
    share: Share
    diagnoses: Sequence[Diagnosis]
    dropped: Sequence[str]
    lacking: Sequence[Lacking]
    columns: int
    groups: Groups | None
    hospitals: Words | None
    pictures: Pictures | None
    numbers: Sequence[Number]
    compared: bool  # whether numbers stand beside their z-scores
    words: Sequence[Words]
    correlations: Correlations | None
    pairs: Pairs
