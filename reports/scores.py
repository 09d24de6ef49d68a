"""One set of scores: every metric with its interval, and for whom it works."""

import re
from collections.abc import Iterator

from folds.findings import plural
from metrics.support import NO_INTERVAL
from reports.sheets import Interval, ScoreSheet, Subgroup
from reports.table import (
    Cell,
    Column,
    Number,
    Said,
    Table,
    Words,
    count,
    measure,
    name,
    notices,
    percent,
)

# In the order in which one asks; a metric that is not named here stands behind, by its own name.
NAMES = {
    "pauc": "pAUC above {min_tpr} TPR",
    "standardised_pauc": "pAUC, standardised (McClish)",
    "auc": "AUC",
    "average_precision": "average precision",
    "top_k_retrieval_sensitivity": "top-{k} retrieval sensitivity",
    "brier": "Brier score",
    "log_loss": "log loss",
    "ece": "calibration error (ECE, {bins} bins by {bins_by})",
    "calibration_slope": "calibration slope",
    "calibration_intercept": "calibration intercept",
}
UNDER_PAUC = "  standardised (McClish)"  # on the console, where it stands below the other one
TOP_K = re.compile(r"top_(\d+)_")
BY_GROUP = {"pauc": "pAUC", "auc": "AUC"}


def tables(file: str, sheet: ScoreSheet) -> list[Said]:
    """What `make score` tells of a submission."""
    whose = plural(sheet["patients"], "patient") if sheet["patients"] else "patients unknown"
    said: list[Said] = [
        f"score: {file}: {plural(sheet['n'], 'row')}, {plural(sheet['positives'], 'positive')}, "
        f"{whose}.",
        metric_table(sheet),
    ]
    if sheet["subgroups"]:
        said.append(subgroup_table(sheet))
    return said + notices(sheet["notes"])


def metric_table(sheet: ScoreSheet, without: frozenset[str] = frozenset()) -> Table:
    """Every metric but those `without`, a row each.

    What the sheet's notes say of all of them, with its number, no cell says again.
    """
    named = [(key, words) for key, words in _named(sheet) if key not in without]
    rows = tuple((words, *_cells(sheet["metrics"][key])) for key, words in named)
    level = next(iter(sheet["metrics"].values())).get("level")
    interval = "interval" if level is None else f"{percent(level)} interval"
    heads = tuple(Column(title, whole=False) for title in ("metric", "value", interval))
    return Table(heads, rows, frame="indented")


def subgroup_table(sheet: ScoreSheet, whose: str = "patients") -> Table:
    """One row a level; `whose` rows they are, empty where single rows were split."""
    rows = tuple(_level(entry, bool(whose)) for entry in sheet["subgroups"])
    heads = [Column("subgroup", whole=False), Column("rows")]
    heads += [Column(whose, "pat.")] if whose else []
    heads += [Column("positives", "pos."), *(Column(title) for title in BY_GROUP.values())]
    return Table(tuple(heads), rows)


def _named(sheet: ScoreSheet) -> Iterator[tuple[str, Words]]:
    """(metric, its name) in order; the sheet itself says what stands in the names."""
    found = sheet["reliability"] or {"bins": 0, "bins_by": "", "points": ()}
    facts = {"min_tpr": percent(sheet["min_tpr"]), "bins": found["bins"], "by": found["bins_by"]}
    order = list(NAMES)
    kinds = {key: TOP_K.sub("top_k_", key) for key in sheet["metrics"]}
    for key in sorted(kinds, key=lambda k: order.index(kinds[k]) if kinds[k] in order else 99):
        k = TOP_K.match(key)
        words = NAMES.get(kinds[key], key.replace("_", " "))
        filled = words.format(k=k and k[1], bins_by=facts["by"], **facts)
        yield key, Words(filled, short=UNDER_PAUC if key == "standardised_pauc" else None)


def _cells(metric: Interval) -> tuple[Cell, Cell]:
    """The value, and the interval in a column of its own."""
    value, low, high = metric["value"], metric["low"], metric["high"]
    shown: Cell = Words("undefined")
    if value is not None:
        shown = Number(f"{value:.4f}", repr(value))
    if low is None:
        why = metric.get("reason") or ""
        return shown, Words("none", why="" if why == NO_INTERVAL else why)
    undefined = metric.get("undefined")
    lost = f" ({undefined} undefined)" if undefined else ""
    return shown, Words(f"{low:.4f} to {high:.4f}{lost}")


def _level(entry: Subgroup, patients: bool) -> tuple[Cell, ...]:
    counts = [count(entry["n"])]
    counts += [count(entry["patients"] or None, unknown="-")] if patients else []
    counts.append(count(entry["positives"]))
    return (name(f"{entry['column']}: {entry['level']}"), *counts, *_values(entry))


def _values(entry: Subgroup) -> tuple[Cell, ...]:
    """The metrics, or why there are none: on the console read across both columns."""
    metrics = entry["metrics"]
    if metrics is None:
        first, _, rest = (entry["reason"] or "").partition(" ")
        return Words("–", below=entry["reason"] or "", short=first), Words("–", short=rest)
    return tuple(measure(metrics.get(key)) for key in BY_GROUP)
