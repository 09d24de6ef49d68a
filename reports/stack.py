"""What a stack is worth: beside its baselines, fold by fold, in curves and by subgroup.

The table of scores is drawn from the shape of the sheet, so that a new score needs no line here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from folds.findings import plural
from reports import calibration, members
from reports.curves.section import HandedIn, curve_sections
from reports.pages.elements import Element, Note, Plots, Section
from reports.pages.plots import scores_plot
from reports.scores import metric_table, subgroup_table
from reports.sheets import Folds, Interval, Json, ScoreSheet, Stack
from reports.table import (
    Cell,
    Column,
    Said,
    Table,
    Words,
    columns,
    count,
    how_sure,
    measure,
    notices,
    percent,
    plain,
)

COMPARED = {
    "pauc": "pAUC",
    "auc": "AUC",
    "average_precision": "average precision",
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "macro_f1": "macro F1",
    "macro_auc": "macro AUC",
}
ON_CONSOLE = ("pauc", "auc")  # eighty columns hold two of them
MINUS_THIS = "_minus_this"
TOP = 20
STACK = "stack"
OF_THE_STACK = (
    "What follows of scores, folds, subgroups and columns is of the stack, the first booster's own "
    "score; what is handed in is the blend marked above."
)


@dataclass(frozen=True)
class Terms:
    """How the run speaks of its scores."""

    group: str  # what the folds keep together: `patients`, `lesions`, or single `rows`
    min_tpr: float
    method: str = "none"  # the recipe's calibration.method

    @property
    def whose(self) -> str:
        """The same, empty where rows stand alone."""
        return "" if self.group == "rows" else self.group

    def counts(self) -> dict[str, str]:
        """What of an entry is counted, and what that is called."""
        whose = {"patients": self.whose} if self.whose else {}
        return {"n": "rows", **whose, "positives": "positives"}


def tables(metrics: Stack) -> list[Said]:
    """What `make stack` tells."""
    sheet, folded, blend = metrics["stack"], metrics["folds"], metrics.get("blend")
    whose = f", {sheet['patients']} {metrics['group']}s." if sheet["patients"] else "."
    return [
        f"stack: out of fold, {plural(sheet['n'], 'row')}, {plural(sheet['positives'], 'positive')}"
        + whose,
        score_table(metrics, sheet["min_tpr"]),
        *([] if blend is None else members.tables(blend, sheet["min_tpr"])),
        _of_folds(folded),
        *notices(sheet["notes"]),
        *notices(metrics.get("declared", ())),
    ]


def _of_folds(folded: Folds) -> str:
    known = [entry["metrics"] for entry in folded["folds"]]
    each = ", ".join("–" if one is None else f"{one['pauc']['value']:.4f}" for one in known)
    spread = folded["sd"]["pauc"]
    return (
        f"stack: pAUC by fold {each}; mean {folded['mean']['pauc']:.4f}"
        + (f", sd {spread:.4f}" if spread is not None else "")
        + f"; {folded['pooled_is']}: {folded['pooled']['pauc']['value']:.4f}."
    )


def sections(
    metrics: Stack, rows: pl.DataFrame | None, terms: Terms, mapped_by: str | None = None
) -> list[Section]:
    """All that the stack's metrics say; `rows` are those of `HandedIn`, `mapped_by` its method."""
    sheet, calibrations = metrics["stack"], metrics.get("calibration")
    name, pauc = handed_in_pauc(metrics)
    handed_in = None if rows is None else HandedIn(name, pauc, rows, mapped_by, bool(terms.whose))
    return [
        _scores(metrics, terms),
        _by_fold(metrics["folds"], terms),
        *curve_sections(sheet, handed_in, terms.min_tpr),
        *([] if calibrations is None else [calibration.section(calibrations, terms.method)]),
        _subgroups(sheet, terms),
    ]


def score_entries(metrics: Json) -> list[tuple[str, str, Json]]:
    """(kind, name, entry) of all that have `metrics`: those alone first, the baselines last."""
    found: list[tuple[str, str, Json]] = []
    for key, value in metrics.items():
        if _has_metrics(value):
            found.append(("", key, value))
        elif isinstance(value, Mapping):
            found += [(key, name, entry) for name, entry in value.items() if _has_metrics(entry)]
    return sorted(found, key=lambda entry: (entry[0] != "", entry[0] == "baselines", entry[0]))


def score_table(metrics: Json, min_tpr: float | None = None) -> Table:
    """Every score under the others, with its paired differences in the first metric."""
    entries = score_entries(metrics)
    shown = [name for name in COMPARED if any(name in entry["metrics"] for *_, entry in entries)]
    against = sorted({key for *_, entry in entries for key in entry if key.endswith(MINUS_THIS)})
    differing = [(key, name) for key in against for name in shown[:1]]
    behind = next((n for *_, entry in entries if (n := _rows_of(entry)) is not None), None)
    rows = []
    for kind, name, entry in entries:
        # A baseline does not say its n: it is scored on the very rows of what it stands beside.
        row: list[Cell] = [Words(name, below=_one(kind)), count(_rows_of(entry) or behind)]
        row += [measure(entry["metrics"].get(metric)) for metric in shown]
        row += [measure(entry.get(key, {}).get(metric)) for key, metric in differing]
        rows.append(tuple(row))
    minus = columns(*(f"{key.replace('_', ' ')}, {COMPARED[name]}" for key, name in differing))
    heads = [Column("scores", whole=False), Column("n", page_only=True)]
    heads += [_head(name, min_tpr) for name in shown]
    first = next((v for *_, e in entries for v in e["metrics"].values()), None)
    return Table((*heads, *minus), tuple(rows), how_sure(first, paired=bool(minus)))


def _head(metric: str, min_tpr: float | None) -> Column:
    above = f" above {percent(min_tpr)} TPR" if metric == "pauc" and min_tpr is not None else ""
    return Column(COMPARED[metric] + above, page_only=metric not in ON_CONSOLE)


def _has_metrics(entry: Any) -> bool:
    return isinstance(entry, Mapping) and isinstance(entry.get("metrics"), Mapping)


def _rows_of(entry: Json) -> int | None:
    found = entry.get("n", entry.get("report", {}).get("n"))
    return None if found is None else int(found)


def handed_in_pauc(metrics: Stack) -> tuple[str, Interval]:
    """The name of what is handed in, and its pAUC."""
    blend = metrics.get("blend")
    if blend is None or blend["policy"] == STACK:
        return STACK, metrics["stack"]["metrics"]["pauc"]
    return blend["policy"], blend["scores"][blend["policy"]]["metrics"]["pauc"]


def _one(kind: str) -> str:
    return kind.replace("_", " ").removesuffix("s")


def _scores(metrics: Stack, terms: Terms) -> Section:
    sheet, blend = metrics["stack"], metrics.get("blend")
    whose = "" if sheet["patients"] is None else f", {sheet['patients']:,} {terms.group}"
    lead = (
        f"Out of fold: {sheet['n']:,} rows, {sheet['positives']:,} positives{whose}. Each row is "
        "scored by the models of its own fold alone, which did not learn from it."
    )
    named = [
        (name, entry["metrics"]["pauc"])
        for _, name, entry in score_entries(metrics)
        if "pauc" in entry["metrics"]
    ]
    elements: list[Element] = [score_table(metrics, terms.min_tpr)]
    if blend is not None:
        elements.append(members.member_table(blend, terms.min_tpr))
        flagged = members.flag_table(blend)
        elements += [] if flagged is None else [flagged]
        elements += [Note(words, "warning") for words in blend["notes"]]
        others = (name for name in members.in_order(blend) if name not in metrics)
        named += [(name, blend["scores"][name]["metrics"]["pauc"]) for name in others]
    label = f"pAUC above {terms.min_tpr:.0%} sensitivity"
    elements.append(Plots((scores_plot(named, label, terms.min_tpr),)))
    if handed_in_pauc(metrics)[0] != STACK:
        elements.append(Note(OF_THE_STACK))
    elements.append(metric_table(sheet, without=frozenset(COMPARED)))
    elements += [Note(note, "warning") for note in (*metrics.get("declared", ()), *sheet["notes"])]
    return Section("scores", "Scores", tuple(elements), lead)


def _by_fold(folded: Folds, terms: Terms) -> Section:
    shown = [name for name in COMPARED if name in folded["pooled"]]
    counts = terms.counts()
    numbers: list[Json] = list(folded["folds"])
    rows: list[tuple[Cell, ...]] = [
        (
            Words(str(entry["fold"])),
            *(count(entry[name]) for name in counts),
            *(measure(entry["metrics"] and entry["metrics"][name]) for name in shown),
        )
        for entry in numbers
    ]
    empty = [Words("")] * len(counts)
    each = [plain(folded["mean"][metric]) for metric in shown]
    rows.append((Words("mean"), *empty, *each))
    each = [plain(folded["sd"][metric]) for metric in shown]
    rows.append((Words("standard deviation"), *empty, *each))
    rows.append((Words("pooled"), *empty, *(measure(folded["pooled"][name]) for name in shown)))
    head = columns("fold", *counts.values(), *(COMPARED[name] for name in shown))
    lead = f"The last line is {folded['pooled_is']}: another quantity than the mean."
    if any(entry["metrics"] is None for entry in folded["folds"]):
        lead += " A fold that holds out one class alone has no score; the mean is of the others."
    return Section("by-fold", "Fold by fold", (Table(head, tuple(rows), apart=3),), lead)


def _subgroups(sheet: ScoreSheet, terms: Terms) -> Section:
    if not sheet["subgroups"]:
        note = Note("The data have no column of sex, age, site, hospital or skin colour.")
        return Section("subgroups", "Subgroups", (note,))
    lead = "For whom it works. A level with few positives gets no number: it would be read as one."
    return Section("subgroups", "Subgroups", (subgroup_table(sheet, terms.whose),), lead)


def importances(table: pl.DataFrame) -> Section:
    """The first columns of the file, which has the highest first."""
    named = [name for name in ("shap", "gain") if table[name].null_count() < len(table)]
    greatest = {name: table[name].fill_null(0).to_numpy().max() or 1.0 for name in named}
    rows = tuple(
        (
            Words(row["column"], code=True),
            *(plain(row[n], (row[n] or 0) / greatest[n]) for n in named),
        )
        for row in table.head(TOP).iter_rows(named=True)
    )
    words = {"shap": "mean |SHAP| (log odds)", "gain": "share of gain"}
    lead = (
        f"The {min(TOP, len(table))} columns of {len(table)} that the boosters look at most, mean "
        "over folds. What a model looks at is no cause."
    )
    shown = Table(columns("column", *(words[name] for name in named)), rows)
    return Section("importances", "Importances", (shown,), lead)
