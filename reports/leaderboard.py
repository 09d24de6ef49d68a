"""Runs or submissions side by side: scores on their own rows, differences on common ones, recipes.

Reads leaderboard.json; gives what the console is told and one page of HTML.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from folds.findings import plural
from metrics.score_sheet import ScoreSheet
from metrics.standings import Beside, Standings
from reports import sheets
from reports.pages.elements import Element, Folded, Head, Note, Plots, Section
from reports.pages.page import page as page_of
from reports.pages.plots import scores_plot
from reports.run.head import SYNTHETIC
from reports.run.use import DISCLAIMER
from reports.scores import metric_table
from reports.sheets import Json, Metrics
from reports.table import (
    NOTHING,
    Cell,
    Column,
    Said,
    Table,
    Words,
    broken,
    count,
    how_sure,
    measure,
    name,
    notices,
    percent,
)
from workspace.errors import name_some

MINUS = ("pauc", "auc")
COUNTED = (Column("patients", "pat."), Column("positives", "pos."))  # beside the rows
WORDS = {"pauc": "pAUC", "auc": "AUC", "average_precision": "average precision", "brier": "Brier"}


class Leaderboard(Standings):
    """What leaderboard.json holds."""

    kind: str  # runs, submissions
    recipes: Sequence[Json]  # `what` differs, and its `values` by name
    made: Sequence[Json]
    notes: Mapping[str, Sequence[str]]
    synthetic: Sequence[str]


def tables(sheet: Leaderboard) -> list[Said]:
    """What `make leaderboard` tells."""
    said: list[Said] = [own_table(sheet), beside_table(sheet)]
    said += [
        table for table in (recipe_table(sheet), made_table(sheet)) if table is not None
    ]  # the page has them too
    return said + notices([*_notes(sheet), *sentences(sheet)])


def page(sheet: Leaderboard) -> str:
    """The same as one page."""
    kind, drawn = sheet["kind"], sheet["synthetic"]
    every = len(drawn) == len(sheet["named"])  # else people are on the page too
    head = Head(
        title=name_some(sheet["named"]),
        about=f"{plural(len(sheet['named']), kind.removesuffix('s'))} side by side.",
        banner=SYNTHETIC if every else "",
        warnings=(
            *([] if every or not drawn else [f"Drawn by 'make sample': {name_some(drawn)}."]),
            *_notes(sheet),
        ),
        facts=(),
        kind="leaderboard",
    )
    sections = [_scores(sheet), _differences(sheet)]
    sections += [_recipes(sheet)] if kind == "runs" else []
    sections += [_each(sheet), Section("use", "What this is not", (Note(DISCLAIMER),))]
    return page_of(head, sections)


def in_order(sheet: Leaderboard) -> list[str]:
    """The best pAUC first; as they were named where rows differ, since scores do not compare."""
    if not sheet["same_rows"]:
        return list(sheet["named"])
    return sorted(sheet["named"], key=lambda one: -(_own(sheet, one)["pauc"]["value"] or 0.0))


def own_table(sheet: Leaderboard) -> Table:
    """Each on all rows of its own; what it is worth stands before how many they are."""
    shown = [key for key in WORDS if any(key in _own(sheet, one) for one in sheet["named"])]
    rows = []
    for one in in_order(sheet):
        own = sheet["entries"][one]["sheet"]
        worth = (measure(_own(sheet, one).get(key)) for key in shown)
        rows.append((_named(sheet, one), *worth, *_counts(own["n"], own)))
    heads = [
        Column(sheet["kind"], whole=False), Column(f"pAUC above {percent(sheet['min_tpr'])} TPR"),
        *(Column(WORDS[key], page_only=key not in MINUS) for key in shown[1:]),
        Column("rows", "n"), *COUNTED,
    ]  # fmt: skip
    sure = how_sure(_own(sheet, sheet["reference"])["pauc"], paired=False)
    return Table(tuple(heads), tuple(rows), f"{sure} * the others are held against it.".strip())


def beside_table(sheet: Leaderboard) -> Table:
    """Each minus the reference, on the rows that both have."""
    rows: list[tuple[Cell, ...]] = []
    found: list[Metrics] = []
    for one in in_order(sheet):
        beside = sheet["entries"][one]["beside"]
        if beside is not None:
            alone = (count(beside["alone"]), count(beside["lacking"]))
            rows.append((name(one), *_minus(beside), *_counts(beside["n"], beside), *alone))
            found += [] if beside["minus"] is None else [cast("Metrics", beside["minus"])]
    reference = sheet["reference"]
    heads = (
        Column(f"minus {reference}", "minus *", whole=False),
        *(Column(f"{WORDS[key]}, paired", f"{WORDS[key]}") for key in MINUS),
        Column("common rows", "n"), *(replace(column, page_only=True) for column in COUNTED),
        Column("rows that only this has", page_only=True),
        Column(f"rows that only {reference} has", page_only=True),
    )  # fmt: skip
    return Table(heads, tuple(rows), how_sure(found[0]["pauc"], paired=True) if found else "")


def _counts(n: int, of: ScoreSheet | Beside) -> tuple[Cell, ...]:
    return count(n), count(of["patients"], "-"), count(of["positives"])


def _minus(beside: Beside) -> tuple[Cell, ...]:
    if beside["minus"] is None:
        return (Words(beside["reason"] or ""), *[NOTHING] * (len(MINUS) - 1))
    minus = cast("Metrics", beside["minus"])
    return tuple(measure(minus.get(key)) for key in MINUS)


def recipe_table(sheet: Leaderboard) -> Table | None:
    """Values of the recipes that differ."""
    return _differing(sheet, "value", sheet["recipes"])


def made_table(sheet: Leaderboard) -> Table | None:
    """Code, libraries and tables that differ."""
    return _differing(sheet, "made with", sheet["made"])


def _differing(sheet: Leaderboard, what: str, found: Sequence[Json]) -> Table | None:
    if not found:
        return None
    order = [sheet["reference"], *(n for n in sheet["named"] if n != sheet["reference"])]
    rows = tuple(
        (name(one["what"]), *(_value(one["values"], entry) for entry in order)) for one in found
    )
    starred = [f"{entry} *" if entry == sheet["reference"] else entry for entry in order]
    return Table(broken(what, *starred), rows)


def _value(values: Mapping[str, Any], entry: str) -> Words:
    if entry not in values:
        return Words("not there")
    value = values[entry]
    if value is None:
        return Words("none")
    if isinstance(value, Mapping):
        return Words(f"{plural(_leaves(value), 'value')} of its own")
    return name(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def _leaves(value: Any) -> int:
    return sum(map(_leaves, value.values())) if isinstance(value, Mapping) else 1


def sentences(sheet: Leaderboard) -> list[str]:
    """What is to be known before anybody takes the first of the list."""
    entries, reference = sheet["entries"], sheet["reference"]
    said = []
    if len(entries) > 1:
        said.append(
            f"The best of {len(entries)} by its own score is optimistic: chosen on these rows, it "
            "will on average do worse on others, the more so the fewer patients they are. Judge it "
            "on rows that had no say."
        )
    if len(entries) > 2:
        said.append(
            f"{len(entries) - 1} differences stand here. An interval is of "
            f"{percent(sheet['level'])} for its own difference; none is corrected for there being "
            "others."
        )
    if not sheet["same_rows"]:
        said.append(
            "Not all are scored on the same rows: their own scores do not compare, so they stand "
            "as they were named; the paired differences do."
        )
    for one in sheet["named"]:
        beside = entries[one]["beside"]
        if beside is not None and beside["refolded"]:
            said.append(
                f"{one} has other folds than {reference}: {beside['refolded']:,} of "
                f"{beside['n']:,} common rows were held out beside others. The scores compare, and "
                "are paired by row; the models are not, they learnt from other rows."
            )
    return said


def _notes(sheet: Leaderboard) -> list[str]:
    """What a run says of its own numbers, each with whose it is."""
    return [f"{one}: {words}" for one in sheet["named"] for words in sheet["notes"].get(one, ())]


def _named(sheet: Leaderboard, entry: str) -> Words:
    marked = name(entry)
    star = " *" if entry == sheet["reference"] else ""
    return Words(f"{marked.words}{star}", short=f"{marked.brief}{star}")


def _own(sheet: Leaderboard, entry: str) -> Metrics:
    return cast("Metrics", sheet["entries"][entry]["sheet"]["metrics"])


def _scores(sheet: Leaderboard) -> Section:
    label = f"pAUC above {sheet['min_tpr']:.0%} sensitivity"
    named = [(one, _own(sheet, one)["pauc"]) for one in in_order(sheet)]
    plot = Plots((scores_plot(named, label, sheet["min_tpr"]),))
    what = "out of fold, what each hands in" if sheet["kind"] == "runs" else "against one solution"
    lead = f"Each on all rows of its own, {what}."
    warned = (Note(words, "warning") for words in sentences(sheet))
    return Section("scores", "Scores", (own_table(sheet), plot, *warned), lead)


def _differences(sheet: Leaderboard) -> Section:
    lead = (
        f"Minus {sheet['reference']}, on the rows that both have, joined by id: the same patients "
        "are drawn for both. An interval that holds 0 tells neither from the other."
    )
    return Section("differences", "Differences", (beside_table(sheet),), lead)


def _recipes(sheet: Leaderboard) -> Section:
    found = (recipe_table(sheet), made_table(sheet))
    elements: list[Element] = [table for table in found if table is not None]
    lead = "What differs between the recipes of the stacks, and what these were made with."
    if not elements:
        elements = [Note("Nothing differs: neither a value, nor code, nor a library, nor rows.")]
    return Section("recipes", "What differs", tuple(elements), lead)


def _each(sheet: Leaderboard) -> Section:
    """All metrics of each, one under the other."""
    elements: list[Element] = []
    for one in in_order(sheet):
        own = sheet["entries"][one]["sheet"]
        elements.append(Folded(one, metric_table(cast("sheets.ScoreSheet", own))))
        elements += [Note(words, "warning") for words in own["notes"]]
    return Section("each", "Each with all its metrics", tuple(elements))
