"""The page of look-alikes: pairs of pictures side by side, for a person to judge.

Unlike the report it shows pictures and their ids, without which nobody could judge or accept one:
it says so, and lies beside the sample table.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from reports.pages.elements import Folded, Head, Note, Pair, Pairs, Section, Source
from reports.pages.page import page
from reports.run.head import SYNTHETIC
from reports.table import count

KEEP = (
    "This page shows pictures and their ids. Keep it where the data are, and pass it on to nobody "
    "who may not see them."
)


@dataclass(frozen=True)
class Seen:
    """A picture by its id, and its address, which holds it."""

    name: str
    address: str


@dataclass(frozen=True)
class Proposed:
    """Two pictures, how many points of skin agree in both, how alike they are to a network, and
    what the table says of both: a column and two values."""

    one: Seen
    other: Seen
    points: int
    cosine: float
    told: Sequence[tuple[str, str, str]] = ()


def look_alikes_page(
    proposed: Sequence[Proposed], apart: str, accepted: str, *, synthetic: bool
) -> str:
    """The pairs in the order in which they are listed; `apart` says of two of what they are."""
    head = Head(
        title="Look-alikes",
        about=f"Pictures of two {apart} that may be of one, the likeliest first.",
        banner=SYNTHETIC if synthetic else "",
        warnings=(KEEP,),
        facts=(("pairs to judge", count(len(proposed))),),
    )
    return page(head, [_how(proposed, accepted), _pairs(proposed)])


def _how(proposed: Sequence[Proposed], accepted: str) -> Section:
    lead = (
        "So many points lie in the same places of both pictures if one is turned, moved and "
        "scaled: because they show the same skin, or a ruler, a rim, gel, or by chance. The same "
        "hairs, pores, vessels or spots in the same places: one lesion. The same shape and colour "
        "alone: most likely not."
    )
    note = Note(
        f"Of the pairs that are one lesion write the line into {accepted} in the data folder, "
        "under a first line a,b. They are then folded as one group, with:",
        command="make folds",
    )
    rows = [f"{each.one.name},{each.other.name}" for each in proposed]
    whole = Folded(f"All of them as {accepted}", Source("\n".join(["a,b", *rows])))
    return Section("how", "How to judge", (note, whole), lead)


def _pairs(proposed: Sequence[Proposed]) -> Section:
    if not proposed:
        return Section("pairs", "Pairs", (Note("There is none."),))
    pairs = tuple(
        Pair(
            pictures=((each.one.name, each.one.address), (each.other.name, each.other.address)),
            words=_words(each),
            line=f"{each.one.name},{each.other.name}",
        )
        for each in proposed
    )
    return Section("pairs", "Pairs", (Pairs(pairs),))


def _words(each: Proposed) -> str:
    same = [f"{name.replace('_', ' ')} {one}" for name, one, other in each.told if one == other]
    differs = [
        f"{name.replace('_', ' ')} {one} and {other}"
        for name, one, other in each.told
        if one != other
    ]
    told = [
        *([f"both {', '.join(same)}"] if same else []),
        *([", ".join(differs)] if differs else []),
    ]
    alike = f"{each.points} points agree, cosine {each.cosine:.2f}"
    return "; ".join([alike, *told]) + "."
