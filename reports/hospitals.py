"""What leaving a hospital out costs: cross-validated and with the hospital left out, row by row."""

from folds.findings import plural
from reports.pages.elements import Element, Folded, Note, Section
from reports.sheets import BothWays, Hospitals, LeftOut
from reports.table import (
    Cell,
    Column,
    Row,
    Said,
    Table,
    Words,
    count,
    how_sure,
    measure,
    notices,
    percent,
)
from workspace.errors import shorten

WAYS = {
    "cross_validated": "cross-validated",
    "left_out": "hospital left out",
    "minus": "left out minus cross-validated",
}
METRICS = {"pauc": "pAUC", "auc": "AUC"}
ALL = "all hospitals"
BRIEF = (
    40  # letters of a hospital on the console, broken into lines; fewer would not tell two apart
)


def tables(sheet: Hospitals) -> list[Said]:
    """What `make hospitals` tells."""
    overall = sheet["overall"]
    whose = f", {overall['patients']} {sheet['group']}s" if overall["patients"] else ""
    return [
        f"hospitals: {plural(overall['n'], 'row')} scored both ways, "
        f"{plural(overall['positives'], 'positive')}{whose}; 'minus' is {WAYS['minus']}, below 0 "
        "where the hospital is missed.",
        f"hospitals: pAUC above {percent(sheet['min_tpr'])} TPR of {sheet['handed_in']}, which is "
        "handed in:",
        hospital_table(sheet, sheet["handed_in"]),
        f"hospitals: the same of every score, {ALL}:",
        member_table(sheet),
        *(f"hospitals: {words}" for words in (_alone(sheet), _unseen(sheet)) if words),
        *notices((*sheet.get("declared", ()), *sheet["notes"])),
    ]


def section(sheet: Hospitals) -> Section:
    """All of it, every member by hospital too."""
    elements: list[Element] = [hospital_table(sheet, sheet["handed_in"]), member_table(sheet)]
    for member in sheet["order"]:
        if member != sheet["handed_in"]:
            elements.append(Folded(f"{member} by hospital", hospital_table(sheet, member)))
    elements += [Note(words) for words in (_alone(sheet), _unseen(sheet)) if words]
    warnings = (*sheet.get("declared", ()), *sheet["notes"])
    elements += [Note(words, "warning") for words in warnings]
    lead = (
        "The same recipe twice. Cross-validated, a row is scored by models that know other "
        "patients of its hospital; with the hospital left out, by models that know none of them. "
        "A difference below 0 is what that costs. First the score that is handed in "
        f"({sheet['handed_in']}) by hospital, then every score of {ALL}; pAUC above "
        f"{percent(sheet['min_tpr'])} TPR. Of hospitals, {sheet['chosen']}."
    )
    return Section("hospitals", "A hospital left out", tuple(elements), lead)


def hospital_table(sheet: Hospitals, member: str) -> Table:
    """A row for each hospital, and one for all, of this member's scores."""
    entries = [*sheet["hospitals"], sheet["overall"]]
    rows = tuple(
        (
            _named(entry, ALL if entry is sheet["overall"] else ""),
            count(entry["n"]),
            count(entry["patients"]),
            count(entry["positives"]),
            *_scores(entry, member),
        )
        for entry in entries
    )
    heads = (
        Column("hospital", "hospital (positives)", whole=False),
        Column("rows", page_only=True),
        Column(f"{sheet['group']}s", page_only=True),
        Column("positives", page_only=True),
        *_heads(),
    )
    return Table(heads, rows, _sure(sheet), apart=1)


def member_table(sheet: Hospitals) -> Table:
    """A row for each member, of all rows."""
    overall = sheet["overall"]
    rows = tuple(
        (
            Words(f"{member} *" if member == sheet["handed_in"] else member),
            *_scores(overall, member),
        )
        for member in sheet["order"]
    )
    caption = f"{_sure(sheet)} * is handed in, by blend.policy.".strip()
    return Table((Column("scores", whole=False), *_heads()), rows, caption)


def _named(entry: LeftOut, words: str = "") -> Words:
    """A hospital, or several that are left out together; on the console with its positives."""
    names = entry["hospitals"]
    few = len(names) == 1
    brief = words or (shorten(names[0], BRIEF) if few else f"{len(names)} others together")
    shown = words or (names[0] if few else f"{'; '.join(names)} together")
    return Words(shown, short=f"{brief} ({entry['positives']})")


def _heads() -> tuple[Column, ...]:
    """Of either metric the two ways and their difference; eighty columns hold those of pAUC."""
    return tuple(
        Column(f"{words}, {short}", way if way == "minus" else words, page_only=metric != "pauc")
        for metric, short in METRICS.items()
        for way, words in WAYS.items()
    )


def _scores(entry: LeftOut, member: str) -> Row:
    if entry["scores"] is None:
        why = f"no score: {entry['reason']}"
        empty: list[Cell] = [Words("–", short="")] * (len(METRICS) * len(WAYS) - 1)
        return (Words(why), *empty)
    both: BothWays = entry["scores"][member]
    ways = {way: both[way] for way in WAYS}  # type: ignore[literal-required] # WAYS are its keys
    return tuple(measure(ways[way][metric]) for metric in METRICS for way in WAYS)


def _sure(sheet: Hospitals) -> str:
    scores = sheet["overall"]["scores"]
    if scores is None:
        return ""
    return how_sure(scores[sheet["handed_in"]]["minus"]["pauc"], paired=True)


def _alone(sheet: Hospitals) -> str:
    """Rows that one way alone scores, such as anchors."""
    words = {"cross_validated": "cross-validated", "left_out": "with the hospital left out"}
    parts = [
        f"{plural(rows, 'row')} scored {words[way]} alone"
        for way, rows in sheet["one_run_alone"].items()
        if rows
    ]
    if not parts:
        return ""
    return f"not counted: {', '.join(parts)}; in the other run they are anchors or a holdout."


def _unseen(sheet: Hospitals) -> str:
    """Categories that are of one hospital alone."""
    parts = [
        f"{shorten(_named(entry).words)} {sum(entry['unseen']['categories'].values())} "
        f"({plural(entry['unseen']['rows'], 'row')})"
        for entry in sheet["hospitals"]
        if entry["unseen"]["rows"]
    ]
    if not parts:
        return ""
    return (
        "categories that the other hospitals do not have, which boosters take for unknown where "
        f"theirs is left out: {'; '.join(parts)}."
    )
