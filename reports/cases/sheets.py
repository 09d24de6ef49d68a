"""The JSON sheets of <run>/cases/, as the page reads them."""

from collections.abc import Mapping, Sequence
from typing import NotRequired, TypedDict


class Fifth(TypedDict):
    """A fifth of the rows by a column's values, and what these added to the log odds."""

    n: int
    middle: float
    mean: float
    low: float
    high: float


class MovingColumn(TypedDict):
    """What a column adds over many rows; not `ordered`: a category, whose rows are one part."""

    column: str
    mean_size: float
    ordered: bool
    fifths: Sequence[Fifth]
    missing: int


class Moving(TypedDict):
    """What moves scores (explained.json), or why that is not known."""

    why: str
    rows: int
    columns: Sequence[MovingColumn]


class Worst(TypedDict):
    """A patient, how many lesions, and the places of the positives among them."""

    patient: str
    of: int
    place: Sequence[float]


class PatientPlaces(TypedDict):
    """At which places among their patients' lesions positives stand (places.json)."""

    group: str
    k: int
    positives: int
    patients: int
    share: float
    within: Sequence[tuple[int, int]]  # so many lesions of each, and positives among them
    worst: NotRequired[Sequence[Worst]]  # where patients may be shown


class Added(TypedDict):
    """A column, what a row had there, and what that added."""

    column: str
    value: str
    added: float


class ExplainedScore(TypedDict):
    """Log odds: a beginning, and what the columns added; `others` are those not listed."""

    beginning: float
    log_odds: float
    columns: Sequence[Added]
    others: int


class OtherLesion(TypedDict):
    """A lesion of the same patient."""

    id: str
    score: float
    target: int
    picture: NotRequired[str | None]


class ShownCase(TypedDict):
    """A lesion that the report shows."""

    id: str
    fold: int
    score: float
    target: int
    told: Sequence[Sequence[str]]  # what the table says: word and value
    place: Mapping[str, float | None] | None
    others: Sequence[OtherLesion]
    explained: ExplainedScore | None
    patient: NotRequired[str]  # where rows are of patients
    picture: NotRequired[str | None]
    heat: NotRequired[str | None]


class ShownCases(TypedDict):
    """The lesions that are most wrong (cases.json), by kind; `lacks` says what is not there."""

    kinds: Mapping[str, Sequence[ShownCase]]
    network: str | None
    lacks: Sequence[str]
