"""The sections about pictures: sizes, colours, what they say by themselves, the sheet, pairs."""

from folds.findings import plural
from reports.eda.cells import elsewhere, figure, worth
from reports.eda.plots import spread_plot
from reports.eda.sheets import SIDES, WEIGHT, Eda, Measured
from reports.eda.shown import Shown
from reports.eda.so import so
from reports.pages.elements import Contact, Element, Note, Pair, Pairs, Plot, Plots, Section
from reports.table import Cell, Column, Row, Table, Words, count

NOT_SEEN = (
    "No picture was looked at (data.images, verify.look_at_images), so there is none to measure."
)
NOT_SHOWN = "Pictures are shown only where the recipe lets them be seen:"
LET = 'SET="report.pictures=true"'
UNITS = {**dict.fromkeys(SIDES, "pixels"), WEIGHT: "kB"}


def sizes_section(sheet: Eda) -> Section:
    """How large pictures are, and their files."""
    found, note = sheet["pictures"], so("sizes", sheet["recipe"])
    if found is None:
        return Section("sizes", "Sizes of pictures", (Note(NOT_SEEN), note))
    lead = (
        f"{found['n']:,} pictures in {plural(found['shapes'], 'size')}, read by 'make verify'. "
        f"Files are of {found['drawn']:,} pictures that the seed drew, up to 1,000 of each class."
    )
    some = [one for one in found["measured"] if one["name"] in UNITS and one["spread"]["n"]]
    varied = [one for one in some if one["spread"]["distinct"] > 1]
    plots = Plots(tuple(_plot(one) for one in varied))
    elements: list[Element] = [plots] if varied else []
    return Section("sizes", "Sizes of pictures", (*elements, _quantiles(some, "size"), note), lead)


def colours_section(sheet: Eda) -> Section:
    """Mean colours and brightness by class and hospital."""
    found, note = sheet["pictures"], so("colours", sheet["recipe"])
    if found is None:
        return Section("colours", "Colours", (Note(NOT_SEEN), note))
    some = [one for one in found["measured"] if one["name"] not in UNITS and one["spread"]["n"]]
    lead = (
        f"Mean red, green and blue of {found['n']:,} whole pictures, skin and all, from the "
        "fingerprints that 'make verify' keeps."
    )
    plots = Plots(tuple(_plot(one) for one in some))
    return Section(
        "colours", "Colours", (plots, _quantiles(some, "colour"), _tints(sheet), note), lead
    )


def source_section(sheet: Eda) -> Section:
    """What tells the class although it is no property of the lesion."""
    rows: list[Row] = []
    measured = [] if sheet["pictures"] is None else sheet["pictures"]["measured"]
    for one in (each for each in measured if each["name"] in UNITS):
        n, positives = one["alone"]["n"], one["alone"]["positives"]
        rows.append((Words(one["name"]), count(n), count(positives), _alone(one)))
    if (hospital := sheet["hospitals"]) is not None:
        name = Words("hospital", below="shares learnt on one half, tried on the other")
        rows.append((name, *elsewhere(hospital)))
    note = so("source", sheet["recipe"])
    if not rows:
        words = "Neither pictures nor hospitals are known, so the source alone can tell nothing."
        return Section("source", "The source alone", (Note(words), note))
    warning = Note(
        "What is far from .5 here tells the class without a look at the lesion. A network sees it "
        "too, and a score that rests on it need not hold elsewhere.",
        tone="warning",
    )
    heads = tuple(map(Column, ("by itself", "n", "positives", "AUC")))
    return Section("source", "The source alone", (warning, Table(heads, tuple(rows)), note))


def sheet_section(sheet: Eda, shown: Shown | None) -> Section:
    """A few pictures of each class, drawn and not chosen."""
    note = so("sheet", sheet["recipe"])
    if shown is None:
        return Section("sheet", "Contact sheet", (*_why_not(sheet), note))
    lead = "Drawn by their ids, not chosen; so many of how many is said of each."
    cells = tuple(
        (cell.words, tuple((one.name, one.address) for one in cell.thumbs)) for cell in shown.sheet
    )
    return Section("sheet", "Contact sheet", (Contact(cells), note), lead)


def pairs_section(sheet: Eda, shown: Shown | None) -> Section:
    """Pictures that are one, or may be, side by side."""
    found, note = sheet["pairs"], so("pairs", sheet["recipe"])
    noun = sheet["looked_at"]["group"]
    lead = f"{found['compared']:,} pictures were compared by 'make verify', on every side."
    elements: list[Element] = []
    if found["kinds"]:
        heads = (
            "found by",
            "pairs",
            "of two rows" if noun == "none" else f"of two {noun}s",
            "on two sides of the source's split",
        )
        rows = tuple(
            (Words(one["kind"]), *map(count, (one["pairs"], one["across"], one["between"])))
            for one in found["kinds"]
        )
        elements.append(Table(tuple(map(Column, heads)), rows))
    else:
        elements.append(Note("No picture is there twice."))
    if found["look_alikes"] is not None:
        words = (
            f"{found['look_alikes']:,} pairs look alike and wait for a person (look_alikes.html)."
        )
        elements.append(Note(words))
    if found["shown"]:
        elements += [_pairs(sheet, shown)] if shown is not None else _why_not(sheet)
    return Section("pairs", "Pictures that are one", (*elements, note), lead)


def _why_not(sheet: Eda) -> list[Element]:
    return [Note(NOT_SEEN)] if sheet["pictures"] is None else [Note(NOT_SHOWN, "missing", LET)]


def _pairs(sheet: Eda, shown: Shown) -> Element:
    pairs = []
    for a, b, kind, alike in sheet["pairs"]["shown"]:
        if a not in shown.pairs or b not in shown.pairs:
            continue
        words = kind if alike is None else f"{kind}, {alike:.3f}"
        both = ((a, shown.pairs[a]), (b, shown.pairs[b]))
        pairs.append(Pair(both, words, f"{a},{b}"))
    return Pairs(tuple(pairs))


def _plot(one: Measured) -> Plot:
    name = one["name"]
    return spread_plot(name.capitalize(), one["spread"], UNITS.get(name, "grey levels"))


def _alone(one: Measured) -> Cell:
    """What it says of the class by itself."""
    reason = one["alone"]["reason"]
    return Words(reason) if reason else worth(one["alone"]["auc"])


def _quantiles(some: list[Measured], title: str) -> Table:
    heads = (title, "n", "values", "5 %", "25 %", "median", "75 %", "95 %", "AUC by itself")
    rows = tuple(
        (
            Words(one["name"]), count(one["spread"]["n"]), count(one["spread"]["distinct"]),
            *(figure(f"{q:.4g}", q) for q in one["spread"]["quantiles"]),
            _alone(one),
        )
        for one in some
    )  # fmt: skip
    return Table(tuple(map(Column, heads)), rows)


def _tints(sheet: Eda) -> Table:
    found = sheet["pictures"]
    assert found is not None
    heads = ("hospital", "class", "n", "red, green, blue", "brightness: median", "quartiles")
    rows = tuple(
        (
            Words(one["hospital"] or "unknown"),
            Words("positive" if one["target"] else "negative"),
            count(one["n"]),
            Words(", ".join(f"{value:.0f}" for value in one["colour"])),
            figure(f"{one['brightness'][1]:.1f}", one["brightness"][1]),
            Words(f"{one['brightness'][0]:.1f} to {one['brightness'][2]:.1f}"),
        )
        for one in found["tints"]
    )  # fmt: skip
    return Table(tuple(map(Column, heads)), rows)
