"""What a published split leaks: how many held-out images have their lesion in training."""

from collections.abc import Sequence
from typing import NotRequired, TypedDict

from reports.table import Column, Row, Said, Table, Words, count


class HeldOutImages(TypedDict):
    """The images on one side of a published split."""

    rows: int
    leaked: int  # their group is in training too
    unknown: int  # nobody knows their group


class Counts(TypedDict):
    """Groups of a class, or of all, and its held-out images."""

    name: NotRequired[str]
    groups: int
    across: int  # on more than one side
    valid: HeldOutImages
    test: HeldOutImages


class Crossings(TypedDict):
    """One kind of group: patients, or lesions."""

    group: str
    classes: Sequence[Counts]
    all: Counts


def tables(sheets: Sequence[Crossings]) -> list[Said]:
    """What `make verify` tells of each kind of group that is known."""
    said: list[Said] = []
    for sheet in sheets:
        said += [f"verify: {in_a_sentence(sheet)}", crossing_table(sheet)]
    return said


def in_a_sentence(sheet: Crossings) -> str:
    """What it comes to, and what `leaked` means."""
    test = sheet["all"]["test"]
    return (
        f"{test['leaked']} of {test['rows']} test images of the official split are leaked: their "
        f"{sheet['group']} is in training too (copies of a picture under another {sheet['group']} "
        "are not counted here)."
    )


def crossing_table(sheet: Crossings) -> Table:
    """One row a class, and all of them; images of nobody known where there are any."""
    valid, test = sheet["all"]["valid"], sheet["all"]["test"]
    unknown = valid["unknown"] + test["unknown"] > 0
    titles = ["class", f"{sheet['group']}s", "on several sides"]
    for side in ("valid", "test"):
        titles += [f"{side} images", f"{side} leaked", *([f"{side} unknown"] if unknown else [])]
    heads = tuple(Column(title, right=at > 0, whole=False) for at, title in enumerate(titles))
    rows = [_row(one["name"], one, unknown=unknown) for one in sheet["classes"]]
    return Table(heads, (*rows, _row("all", sheet["all"], unknown=unknown)), apart=1, frame="boxed")


def _row(name: str, counts: Counts, *, unknown: bool) -> Row:
    numbers = [counts["groups"], counts["across"]]
    for images in (counts["valid"], counts["test"]):
        numbers += [images["rows"], images["leaked"]]
        numbers += [images["unknown"]] if unknown else []
    return (Words(name), *(count(number) for number in numbers))
