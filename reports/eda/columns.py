"""The sections about columns: numbers and words by themselves, numbers together."""

from reports.eda.cells import elsewhere, figure, worth
from reports.eda.plots import columns_plot, matrix_plot
from reports.eda.rows import share_table
from reports.eda.sheets import Eda, Number
from reports.eda.so import so
from reports.pages.elements import Element, Folded, Note, Plots, Section
from reports.table import Cell, Column, Table, Words, count

DRAWN = 30  # columns of the drawing
NO_NUMBERS = "The source has no column of numbers."
NO_WORDS = "The source has no column of words."
NO_PAIR = "There are not two columns of numbers, so none can go together."
NOT_COMPARED = (
    "No patient is known, so no number can be compared with the patient's other lesions; each "
    "stands alone."
)


def numbers_section(sheet: Eda) -> Section:
    """How well each number tells the classes apart, as it is and within the patient."""
    found = sheet["numbers"]
    note = so("numbers", {**sheet["recipe"], "compared": sheet["compared"]})
    if not found:
        return Section("numbers", "Numbers by themselves", (Note(NO_NUMBERS), note))
    lead = (
        "The chance that a positive lies beyond a negative, .5 telling nothing. Every column is "
        "turned so that it is above .5; its z-score among the patient's lesions is turned the same "
        "way, so that the difference is paired. With so many columns some lie above .5 by luck."
    )
    known = [one for one in found if one["auc"] is not None]
    elements: list[Element] = [] if sheet["compared"] else [Note(NOT_COMPARED)]
    if known:
        elements.append(Plots((columns_plot(known[:DRAWN], compared=sheet["compared"]),)))
    elements += [_table(sheet), note]
    return Section("numbers", "Numbers by themselves", tuple(elements), lead)


def words_section(sheet: Eda) -> Section:
    """What words say: shares with intervals, and what they are worth elsewhere."""
    found, note = sheet["words"], so("words", sheet["recipe"])
    if not found:
        return Section("words", "Words by themselves", (Note(NO_WORDS), note))
    group = sheet["looked_at"]["group"]
    noun = "row" if group == "none" else group
    lead = (
        f"A table of shares fits nothing. The AUC is of one half of the {noun}s, ranked by the "
        "shares of their words among the other half: no row is ranked by itself."
    )
    heads = ("column", "words", "missing", "n of the half", "positives", "AUC")
    rows = tuple(
        (
            Words(one["name"], code=True), count(one["distinct"]),
            count(sum(level["n"] for level in one["levels"] if level["level"] == "missing")),
            *elsewhere(one),
        )
        for one in found
    )  # fmt: skip
    tables = [Folded(one["name"], share_table(one["levels"], one["name"], sheet)) for one in found]
    whole = Table(tuple(map(Column, heads)), rows)
    return Section("words", "Words by themselves", (whole, *tables, note), lead)


def correlations_section(sheet: Eda) -> Section:
    """Which numbers go together."""
    found, note = sheet["correlations"], so("correlations", sheet["recipe"])
    if found is None:
        return Section("correlations", "Numbers together", (Note(NO_PAIR), note))
    rows = tuple(
        (Words(a, code=True), Words(b, code=True), figure(f"{value:.3f}", value))
        for a, b, value in found["pairs"]
    )
    above = found["above"]
    named: Element = Note(f"No two columns have more than {above:g}.")
    if rows:
        named = Table(tuple(map(Column, ("column", "another", f"beyond {above:g}"))), rows)
    plots = (Plots((matrix_plot(found),)),) if found["names"] else ()
    return Section("correlations", "Numbers together", (*plots, named, note))


def _table(sheet: Eda) -> Table:
    heads = ["column", "n", "missing", "positives' values", "AUC"]
    heads += ["within the patient", "difference"] if sheet["compared"] else []
    rows = tuple(_row(one, compared=sheet["compared"]) for one in sheet["numbers"])
    return Table(tuple(map(Column, heads)), rows)


def _row(one: Number, *, compared: bool) -> tuple[Cell, ...]:
    side = {True: "larger", False: "smaller", None: "–"}[one["larger"]]
    own: Cell = Words(one["reason"]) if one["reason"] else worth(one["auc"])
    again = (worth(one["other"]), worth(one["gain"])) if compared else ()
    first = (Words(one["name"], code=True), count(one["n"]), count(one["missing"]))
    return (*first, Words(side), own, *again)
