"""The sections about rows: which are looked at, classes, gaps, patients, hospitals."""

from collections.abc import Sequence

from folds.explored import MANY, Diagnosis
from metrics.shares import Share
from reports.eda.cells import part, worth
from reports.eda.plots import bars
from reports.eda.sheets import Eda, Lacking
from reports.eda.so import so
from reports.pages.elements import Element, Folded, Note, Plots, Section
from reports.table import NOTHING, Cell, Column, Row, Table, Words, count
from workspace.errors import shorten

DIAGNOSES = 20  # the commonest, drawn and listed
NOBODY = "Nobody says which rows belong together (data.group = none), so there is nothing to count."
NO_HOSPITAL = "The source names no hospital, or one alone, so there is nothing to compare."
FULL = "No column lacks a value."
BARE = "There is no clinical column, and none that is known lacks a value."


def looked_section(sheet: Eda) -> Section:
    """Which rows the page speaks of."""
    seen = sheet["looked_at"]
    groups = "" if seen["groups"] is None else f" of {seen['groups']:,} {seen['group']}s"
    left = " and ".join(f"{n:,} rows of {name}" for name, n in seen["left"].items())
    aside = f"; {left} are left aside, labels and all" if left else ", and there are no others"
    words = [f"{seen['rows']:,} rows{groups} are looked at{aside}."]
    if seen["every_row"]:
        words.append(
            "Under cross-validation every row is also scored once: whoever chooses by this page "
            "has seen labels that scores are reported on. A few words of a recipe cannot learn "
            "much of them, but a value that is chosen because it looks good here is flattered."
        )
    unit = "row" if seen["groups"] is None else seen["group"]
    words.append(
        f"Intervals ({seen['level']:.0%}) draw {unit}s again, {seen['replicates']:,} times."
    )
    return Section(
        "rows", "What is looked at", (Note(" ".join(words)), so("rows", sheet["recipe"]))
    )


def classes_section(sheet: Eda) -> Section:
    """How rare what is sought is, and what the classes are made of."""
    share = sheet["share"]
    known = [one for one in sheet["diagnoses"] if one["diagnosis"] is not None]
    elements: list[Element] = [share_table([share], "rows", sheet), so("classes", sheet["recipe"])]
    if known:
        some = known[:DIAGNOSES]
        rows = [(_called(one), one["n"]) for one in some]
        more = f" The commonest {DIAGNOSES} of {len(known)}." if len(known) > DIAGNOSES else ""
        caption = f"Rows by diagnosis, n = {share['n']:,}; + are positives.{more}"
        elements.append(Plots((bars("Diagnoses", caption, rows, "rows"),)))
        elements.append(Folded("Diagnoses as a table", _diagnoses(sheet)))
    return Section("classes", "Classes", tuple(elements))


def missing_section(sheet: Eda) -> Section:
    """Which columns have gaps, and whether a gap tells the class."""
    lead = (
        f"{sheet['columns']} clinical columns. A gap that tells the class is a trace of how the "
        "data were gathered, not of the lesion."
    )
    dropped = tuple(Note(words) for words in sheet["dropped"])
    some = [one for one in sheet["lacking"] if one["missing"] < one["n"]]
    unknown = [one["column"] for one in sheet["lacking"] if one["missing"] == one["n"]]
    nothing = (Note(f"The source has no {' and no '.join(unknown)}."),) if unknown else ()
    gaps = _gaps(some) if some else Note(FULL if sheet["columns"] else BARE)
    note = so("missing", sheet["recipe"])
    return Section("missing", "Missing values", (gaps, *dropped, *nothing, note), lead)


def groups_section(sheet: Eda) -> Section:
    """Rows and positives of a patient or lesion."""
    found, noun = sheet["groups"], sheet["looked_at"]["group"]
    note = so("groups", sheet["recipe"])
    if found is None:
        return Section("groups", "Whose rows they are", (Note(NOBODY), note))
    sizes = [(one["level"], one["patients"] or 0) for one in found["sizes"]]
    kinds = [(_kind(one["positives"]), one["groups"]) for one in found["positives"]]
    lead = f"Rows of a {noun}: {found['median']:g} in the median, {found['largest']:,} at most."
    plots = Plots((
        bars("Rows each", f"How many {noun}s have so many rows.", sizes, f"{noun}s"),
        bars("Positives each", f"How many {noun}s have so many positives.", kinds, f"{noun}s"),
    ))  # fmt: skip
    table = share_table(found["sizes"], f"rows of the {noun}", sheet)
    return Section(
        "groups", f"Rows and positives of a {noun}", (plots, table, _held(sheet), note), lead
    )


def hospitals_section(sheet: Eda) -> Section:
    """How the share of positives differs by hospital."""
    found = sheet["hospitals"]
    note = so("hospitals", sheet["recipe"])
    if found is None:
        return Section("hospitals", "Hospitals", (Note(NO_HOSPITAL), note))
    table = share_table(found["levels"], "hospital", sheet)
    lead = "Where shares differ, whoever knows the hospital knows something of the class."
    return Section("hospitals", "Hospitals", (table, note), lead)


def share_table(shares: Sequence[Share], title: str, sheet: Eda) -> Table:
    """Levels with their share of positives."""
    grouped = sheet["looked_at"]["groups"] is not None
    noun = f"{sheet['looked_at']['group']}s"
    titles = (title, "n", *((noun, f"{noun} with a positive") if grouped else ()))
    rows: list[Row] = []
    for one in shares:
        own = (one["patients"], one["patients_with_positive"]) if grouped else ()
        cells = (*map(count, (one["n"], *own)), count(one["positives"]), worth(one["share"], 4))
        rows.append((Words(shorten(one["level"], 60)), *cells))
    heads = [Column(name) for name in (*titles, "positives", "share of positives")]
    return Table(tuple(heads), tuple(rows))


def _called(one: Diagnosis) -> str:
    """The last step of a diagnosis path; + where it is a positive."""
    name = str(one["diagnosis"]).rpartition("::")[2]
    return f"+ {name}" if one["positives"] else name


def _diagnoses(sheet: Eda) -> Table:
    grouped = sheet["looked_at"]["groups"] is not None
    heads = ["diagnosis", "n", "share of rows", "positives"]
    heads += [f"{sheet['looked_at']['group']}s"] if grouped else []
    whole = sheet["looked_at"]["rows"]
    rows = []
    for one in sheet["diagnoses"][: DIAGNOSES + 1]:
        own: tuple[Cell, ...] = (count(one["groups"]),) if grouped else ()
        name = Words("none" if one["diagnosis"] is None else shorten(one["diagnosis"], 80))
        share = part(one["n"], whole)
        rows.append((name, count(one["n"]), share, count(one["positives"]), *own))
    return Table(tuple(map(Column, heads)), tuple(rows))


def _gaps(lacking: Sequence[Lacking]) -> Table:
    heads = ("column", "kind", "missing", "of", "positives where missing", "positives where known")
    rows = [
        (
            Words(one["column"], code=True), Words(one["kind"]), count(one["missing"]),
            count(one["n"]),
            *(NOTHING if share is None else worth(share["share"], 4)
              for share in (one["without"], one["having"])),
        )
        for one in lacking
    ]  # fmt: skip
    return Table(tuple(map(Column, heads)), tuple(rows))


def _held(sheet: Eda) -> Table:
    """How many of all positives those with many have."""
    found, noun = sheet["groups"], sheet["looked_at"]["group"]
    assert found is not None
    heads = (f"positives of a {noun}", f"{noun}s", "their rows", "their positives", "of all")
    whole = sheet["looked_at"]["positives"]
    rows = tuple(
        (
            Words(_kind(one["positives"])), count(one["groups"]), count(one["rows"]),
            count(one["of_positives"]), part(one["of_positives"], whole),
        )
        for one in found["positives"]
    )  # fmt: skip
    return Table(tuple(map(Column, heads)), rows)


def _kind(positives: int) -> str:
    return f"{positives} or more" if positives == MANY else str(positives)
