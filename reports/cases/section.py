"""Sections of the report on what moves scores, on places within a patient, and on single lesions.

Single lesions, their pictures and whose they are stand here only where the unit has them, which
`report.pictures` decides; sums over rows stand here always.
"""

from dataclasses import dataclass

from folds.findings import plural
from reports.cases.plots import summary_plot, waterfall
from reports.cases.sheets import ExplainedScore, Moving, PatientPlaces, ShownCase, ShownCases
from reports.pages.elements import Beside, Case, Cases, Element, Note, Plots, Section
from reports.table import Cell, Number, Table, Words, columns, count

KINDS = {
    "missed": "Missed: the positives that score lowest",
    "alarms": "False alarms: the negatives that score highest",
}
HIDDEN = (
    "No single lesion, picture or patient is shown: pages of these data may not, unless the recipe "
    "says report.pictures = true."
)
BAR = 0.7  # of the bars of other tables: this one stands in a third of the page
OTHER_ROWS = (
    "No lesion is looked at: the stack was made of other samples or folds than those that are here."
)
OF_STACK = (
    "What moved a score is said of the first booster of the stack; what is handed in, and ranks "
    "the lesions here, is {name}, a blend."
)
COLUMNS = (
    "Columns by their first letters: meta_ a value of the table, cat_ a word of it, les_ a formula "
    "of the lesion; pz_ and pr_ a number among the patient's lesions (z-score, rank), ug_ how far "
    "it lies from them, ag_, ct_ and ctx_ what they are together; oof_ what a network says of the "
    "picture, emb_ what it sees. Red raised the score, blue lowered it."
)
WHERE = (
    "Colours show where {name} of the fold that held the lesion out saw what speaks for the target "
    "(Grad-CAM, a coarse map), from blue, little, to red, most; each picture by its own most."
)
LEAD = (
    "Every score is by models that did not learn from the row. The lesions that are most wrong "
    "teach most, and are no sample of all."
)


@dataclass(frozen=True)
class CaseSheets:
    """The unit's sheets; no cases where pages may not show any."""

    moving: Moving
    places: PatientPlaces | None
    cases: ShownCases | None


def sections(sheets: CaseSheets, blend: str | None) -> list[Section]:
    """All of it; `blend` is what is handed in where that is not the stack itself."""
    found = [_moving(sheets.moving)]
    if sheets.places is not None and sheets.places["group"] == "patient":
        found.append(_places(sheets.places))
    return [*found, _cases(sheets.cases, sheets.places, blend)]


def _moving(moving: Moving) -> Section:
    title = "What moves scores"
    if not moving["columns"]:
        return Section("moving", title, (Note(moving["why"]),))
    lead = (
        "Exact tree SHAP by the boosters that held each row out: what a column added to the mean "
        "of their log odds. The score is the mean of their probabilities, which lies close; none "
        "of it is a cause."
    )
    plot = summary_plot(moving["columns"], moving["rows"])
    return Section("moving", title, (Plots((plot,)),), lead)


def _places(sheet: PatientPlaces) -> Section:
    k, positives = sheet["k"], sheet["positives"]
    lead = (
        f"The highest-scoring {k} lesions of a patient are what a doctor might look at. Of "
        f"{plural(sheet['patients'], 'patient')} with a positive, on average "
        f"{sheet['share']:.1%} of theirs are among these."
    )
    rows: list[tuple[Cell, ...]] = [
        (Words(f"the first {place}" if place > 1 else "the first"), count(found),
         _share(found, positives))
        for place, found in sheet["within"]
    ]  # fmt: skip
    head = columns("among a patient's lesions by score", "positives", "share of all positives")
    elements: list[Element] = [Table(head, tuple(rows))]
    if worst := sheet.get("worst"):
        each: list[tuple[Cell, ...]] = [
            (Words(one["patient"], code=True), count(one["of"]),
             Words(", ".join(f"{place:g}" for place in one["place"])))
            for one in worst
        ]  # fmt: skip
        head = columns("patient", "lesions", "places of the positives")
        caption = "The patients whose positives stand furthest down."
        elements.append(Table(head, tuple(each), caption))
    return Section("places", f"Top {k} of each patient", tuple(elements), lead)


def _cases(shown: ShownCases | None, places: PatientPlaces | None, blend: str | None) -> Section:
    title = "Most wrong"
    if shown is None:
        return Section("cases", title, (Note(HIDDEN),))
    notes = [Note(words) for words in shown["lacks"]]
    if blend is not None:
        notes.append(Note(OF_STACK.format(name=blend)))
    if shown["network"] is not None:
        notes.append(Note(WHERE.format(name=shown["network"])))
    group = "" if places is None else places["group"]
    notes.append(Note(COLUMNS))
    kinds = [
        Cases(words, tuple(_case(one, group, first=at == 0) for at, one in enumerate(cases)))
        for kind, words in KINDS.items()
        if (cases := shown["kinds"][kind])
    ]
    return Section("cases", title, (*notes, *kinds), LEAD)


def _case(one: ShownCase, group: str, *, first: bool) -> Case:
    pictures = [("picture", one.get("picture")), ("where it looked", one.get("heat"))]
    explained = one["explained"]
    return Case(
        title=one["id"],
        pictures=tuple((name, address) for name, address in pictures if address),
        lines=tuple(_lines(one, group)),
        beside=tuple(
            Beside(f"{other['score']:.4f}", other.get("picture"), other["target"] == 1)
            for other in one["others"]
        ),
        beside_words=_beside_words(one, group),
        columns=None if explained is None else _columns(explained),
        plot=waterfall(explained, one["id"]) if first and explained is not None else None,
    )


def _lines(one: ShownCase, group: str) -> list[str]:
    whose, rows = _words(group)
    lines = [f"Score {one['score']:.4f}, held out by fold {one['fold']}."]
    place = one["place"]
    if place is not None and place["percentile"] is None:
        lines.append(f"This {whose}'s only {rows.removesuffix('s')}.")
    elif place is not None:
        lines.append(
            f"{ordinal(round(place['percentile'] or 0))} percentile of this {whose}'s "
            f"{place['of']} {rows}, place {place['place']:g} of {place['of']}."
        )
    if "patient" in one:
        lines.append(f"Patient {one['patient']}.")
    told = ", ".join(f"{words} {value}" for words, value in one["told"])
    return [*lines, f"{told[0].upper()}{told[1:]}."] if told else lines


def _beside_words(one: ShownCase, group: str) -> str:
    whose, rows = _words(group)
    place, shown = one["place"], len(one["others"])
    others = 0 if place is None else int(place["of"] or 0) - 1
    which = f"{shown} highest of {others}" if others > shown else f"{others}"
    red = "; in red the positives" if any(o["target"] == 1 for o in one["others"]) else ""
    return f"The {whose}'s other {rows} by score ({which}){red}."


def _words(group: str) -> tuple[str, str]:
    """Whose a row is, and what rows are to it."""
    return ("patient", "lesions") if group == "patient" else (group, "pictures")


def _columns(explained: ExplainedScore) -> Table:
    greatest = max((abs(one["added"]) for one in explained["columns"]), default=0.0) or 1.0
    rows: list[tuple[Cell, ...]] = [
        (
            Words(one["column"], code=True),
            Words(one["value"]),
            Number(f"{one['added']:+.2f}", repr(one["added"]), share=BAR * one["added"] / greatest),
        )
        for one in explained["columns"]
    ]
    return Table(columns("column", "value", "log odds"), tuple(rows))


def ordinal(number: int) -> str:
    """`1st`, `2nd`, `3rd`, `11th`."""
    teens = 10 < number % 100 < 20
    return f"{number}{'th' if teens else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"


def _share(found: int, of: int) -> Cell:
    return Number(f"{found / of:.1%}", repr(found / of), share=found / of)
