"""The scores of a run as sections: tables, curves, subgroups, networks, importances.

Drawn from the shape of each metrics.json, so that a new score appears without a line here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from reports.elements import (
    Block,
    Cell,
    Json,
    Note,
    Plot,
    Plots,
    Section,
    Table,
    Words,
    count,
    measure,
    plain,
)
from reports.plots import calibration_plot, roc_plot, scores_plot

COMPARED = {
    "pauc": "pAUC",
    "auc": "AUC",
    "average_precision": "average precision",
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "macro_f1": "macro F1",
}
OTHERS = {
    "standardised_pauc": "pAUC, standardised (McClish)",
    "brier": "Brier score",
    "log_loss": "log loss",
    "ece": "calibration error (ECE)",
}
MINUS_THIS = "_minus_this"
TOP = 20


@dataclass(frozen=True)
class Terms:
    """How the run speaks of its scores."""

    group: str  # what the folds keep together: `patients`, `lesions`, or single `rows`
    min_tpr: float

    def counts(self) -> dict[str, str]:
        """What of an entry is counted, and what that is called."""
        whose = {} if self.group == "rows" else {"patients": self.group}
        return {"n": "rows", **whose, "positives": "positives"}


def stack_sections(metrics: Json, rows: pl.DataFrame | None, terms: Terms) -> list[Section]:
    """All that the stack's metrics say; `rows` have target, score and fold, out of fold."""
    sheet = metrics["stack"]
    return [
        _scores(metrics, terms),
        _by_fold(metrics["folds"], terms),
        _curves(sheet, rows, terms),
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


def score_table(metrics: Json) -> Table:
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
    minus = [f"{key.replace('_', ' ')}, {COMPARED[name]}" for key, name in differing]
    head = ("score", "n", *(COMPARED[name] for name in shown), *minus)
    first = next((v for *_, e in entries for v in e["metrics"].values()), None)
    return Table(head, tuple(rows), _intervals(first, paired=bool(minus)))


def _has_metrics(entry: Any) -> bool:
    return isinstance(entry, Mapping) and isinstance(entry.get("metrics"), Mapping)


def _rows_of(entry: Json) -> int | None:
    found = entry.get("n", entry.get("report", {}).get("n"))
    return None if found is None else int(found)


def _one(kind: str) -> str:
    return kind.replace("_", " ").removesuffix("s")


def _intervals(metric: Json | None, *, paired: bool) -> str:
    """How the intervals of a table were made."""
    if metric is None or metric.get("level") is None:
        return ""
    return (
        f"{metric['level']:.0%} intervals in small type, from drawing {metric['unit']}s again "
        f"{metric['replicates']:,} times" + ("; differences are paired." if paired else ".")
    )


def _scores(metrics: Json, terms: Terms) -> Section:
    sheet = metrics["stack"]
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
    blocks: list[Block] = [score_table(metrics)]
    label = f"pAUC above {terms.min_tpr:.0%} sensitivity"
    blocks.append(Plots((scores_plot(named, label, terms.min_tpr),)))
    others = [(n, m) for n, m in sheet["metrics"].items() if n not in COMPARED]
    rows = tuple((Words(OTHERS.get(n, n.replace("_", " "))), measure(m)) for n, m in others)
    blocks.append(Table(("the stack, further", "value"), rows))
    blocks += [Note(note, "warning") for note in sheet["notes"]]
    return Section("scores", "Scores", tuple(blocks), lead)


def _by_fold(folded: Json, terms: Terms) -> Section:
    shown = [name for name in COMPARED if name in folded["pooled"]]
    counts = terms.counts()
    rows: list[tuple[Cell, ...]] = [
        (
            Words(str(entry["fold"])),
            *(count(entry[name]) for name in counts),
            *(measure(entry["metrics"][name]) for name in shown),
        )
        for entry in folded["folds"]
    ]
    empty = [Words("")] * len(counts)
    for name, words in (("mean", "mean"), ("sd", "standard deviation")):
        rows.append((Words(words), *empty, *(plain(folded[name][metric]) for metric in shown)))
    rows.append((Words("pooled"), *empty, *(measure(folded["pooled"][name]) for name in shown)))
    head = ("fold", *counts.values(), *(COMPARED[name] for name in shown))
    lead = f"The last line is {folded['pooled_is']}: another quantity than the mean."
    return Section("by-fold", "Fold by fold", (Table(head, tuple(rows), apart=3),), lead)


def _curves(sheet: Json, rows: pl.DataFrame | None, terms: Terms) -> Section:
    plots: list[Plot] = []
    if rows is not None:
        pauc = sheet["metrics"]["pauc"]["value"]
        plots.append(roc_plot(rows["target"], rows["score"], rows["fold"], pauc, terms.min_tpr))
    if sheet["reliability"] is not None:
        plots.append(calibration_plot(sheet["reliability"]))
    return Section("curves", "Curves", (Plots(tuple(plots)),))


def _subgroups(sheet: Json, terms: Terms) -> Section:
    shown, counts = ("pauc", "auc"), terms.counts()
    rows: list[tuple[Cell, ...]] = []
    before = None
    for entry in sheet["subgroups"]:
        metrics = entry["metrics"]
        if metrics is None:
            values: list[Cell] = [Words(entry["reason"]), Words("")]
        else:
            values = [measure(metrics.get(name)) for name in shown]
        column = "" if entry["column"] == before else entry["column"]
        before = entry["column"]
        numbers = [count(entry[name]) for name in counts]
        rows.append((Words(column), Words(entry["level"]), *numbers, *values))
    if not rows:
        note = Note("The data have no column of sex, age, site, hospital or skin colour.")
        return Section("subgroups", "Subgroups", (note,))
    head = ("column", "level", *counts.values(), *(COMPARED[name] for name in shown))
    lead = "For whom it works. A level with few positives gets no number: it would be read as one."
    return Section("subgroups", "Subgroups", (Table(head, tuple(rows)),), lead)


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
    block = Table(("column", *(words[name] for name in named)), rows)
    return Section("importances", "Importances", (block,), lead)


def network_section(name: str, metrics: Json) -> Section:
    """A network's scores by epoch, its classes one by one, and what others claim."""
    blocks: list[Block] = [score_table(metrics)]
    sheet = metrics.get("best_epoch", {})
    if "report" in sheet:
        blocks.append(_per_class(sheet))
    if claim := metrics.get("claim"):
        accuracy, n = claim["accuracy"]
        blocks.append(
            Note(
                f"Claimed elsewhere, on other pictures ({claim['source']}): accuracy {accuracy} of "
                f"{n:,}, macro F1 {claim['macro_f1']}."
            )
        )
    lead = "Out of fold; the best epoch was chosen on inner rows of other patients."
    return Section(f"network-{name}", f"Network {name}", tuple(blocks), lead)


def cascade_section(metrics: Json) -> Section:
    """Both stages end to end: class by class, and what was called what."""
    classes, table = metrics["classes"], metrics["report"]["confusion"]["counts"]
    rows = tuple(
        (Words(name), *map(count, counts), count(sum(counts)))
        for name, counts in zip(classes, table, strict=True)
    )
    confusion = Table(("true, down; called, across", *classes, "n"), rows)
    blocks = (score_table({"end to end": metrics}), _per_class(metrics), confusion)
    return Section("cascade", "Cascade, end to end", blocks)


def _per_class(sheet: Json) -> Table:
    rates, found = ("precision", "recall", "f1"), sheet["report"]
    rows = tuple(
        (
            Words(name),
            count(entry["true"]),
            *(measure(sheet["metrics"].get(f"{rate}[{name}]")) for rate in rates),
        )
        for name, entry in ((name, found["per_class"][name]) for name in found["classes"])
    )
    return Table(("class", "n", "precision", "recall", "F1"), rows)
