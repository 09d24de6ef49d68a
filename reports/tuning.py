"""What tuning came to: studies, and tuned values beside the recipe's own on rows without a say."""

from collections.abc import Callable, Mapping
from math import exp, log
from typing import Any

import polars as pl

from folds.findings import plural
from reports.pages.elements import Axis, Note, Plot, Plots, Section
from reports.pages.plots import WIDTH, Frame
from reports.sheets import Tuning
from reports.table import (
    Cell,
    Said,
    Table,
    Words,
    broken,
    columns,
    measure,
    notices,
    percent,
    plain,
)

FLATTERED = (
    "Networks that feed a fold's boosters learnt from that fold's labels (stack.nested=false), "
    "and so those have a small say in what its study chooses; stack.nested=true takes that away."
)
TWO_WAYS = (
    "The mean of folds is what a trial is chosen by. Pooled rows also pay where folds were given "
    "values whose scores differ in scale."
)
OF_BEFORE = (
    "The nested score was summed up before the mean of folds was kept; make tune sums up anew, "
    "with the trials that are there."
)
FOR_USE = "all_folds"  # the study whose values are for use
SLICES = 4  # values that are drawn, those that moved the score most
BOX = (58, 12, 396, 232)  # the last number of an axis needs room
SIZE = (WIDTH, 280)


def tables(sheet: Tuning) -> list[Said]:
    """What `make tune` tells."""
    said: list[Said] = [
        study_table(sheet), *notices(sheet.get("declared", ())),
        f"tune: inner pAUC is the {sheet['inner_is']}.",
    ]  # fmt: skip
    nested = sheet["nested"]
    if nested is None:
        return [*said, "tune: not nested, so that no score is of rows that had no say."]
    whose = f", {plural(nested['patients'], 'patient')}" if nested["patients"] else ""
    return [
        *said,
        f"tune: {sheet['booster']}, nested, {plural(nested['n'], 'row')}, "
        f"{plural(nested['positives'], 'positive')}{whose}:",
        nested_table(sheet),
        f"tune: {verdict(nested)}",
        f"tune: {TWO_WAYS[0].lower()}{TWO_WAYS[1:]}",
        *notices([FLATTERED] if sheet["flattered"] else []),
    ]


def section(sheet: Tuning, trials: pl.DataFrame) -> Section:
    """What was tried, what it came to, and the values for use."""
    parts: list[Table | Note | Plots] = [study_table(sheet)]
    parts += [Note(words, "warning") for words in sheet.get("declared", ())]
    lead = (
        f"Values of {sheet['booster']} tried on inner folds. Inner pAUC is the {sheet['inner_is']}."
    )
    if sheet["nested"] is None:
        parts.append(Note("Not nested: no score here is of rows that had no say."))
    elif "mean_of_folds" not in sheet["nested"]:
        parts.append(Note(OF_BEFORE))
    else:
        said = verdict(sheet["nested"])
        parts += [nested_table(sheet), Note(f"{said[0].upper()}{said[1:]}"), Note(TWO_WAYS)]
        parts += [Note(FLATTERED, "warning")] if sheet["flattered"] else []
    tried = trials.filter((pl.col("study") == FOR_USE) & pl.col("pauc").is_not_null())
    parts.append(value_table(sheet))
    most = _most(sheet["studies"][FOR_USE]["importances"])
    drawn = [name for name in most if name in tried.columns and tried[name].dtype.is_numeric()]
    top = 1 - sheet["min_tpr"]
    if len(tried) > 1:
        plots = [
            history_plot(tried, top),
            *(slice_plot(tried, name, top) for name in drawn[:SLICES]),
        ]
        parts.append(Plots(tuple(plots)))
    return Section("tuning", "Tuning", tuple(parts), lead)


def study_table(sheet: Tuning) -> Table:
    """Of each study how many trials, and what the best and the recipe's own are worth inside."""
    rows = []
    for name, one in sheet["studies"].items():
        own, best = (plain(one[key]) for key in ("own_inner_pauc", "best_inner_pauc"))
        trials = f"{one['trials']}, {one['failed']} failed" if one["failed"] else str(one["trials"])
        moved = [f"{key} {share:.0%}" for key, share in _most(one["importances"]).items()][:1]
        words = moved[0] if moved else "too few to say"
        rows.append((Words(name), Words(trials), own, best, Words(words)))
    return Table(broken("study", "trials", "own, inner", "best, inner", "moved by"), tuple(rows))


def nested_table(sheet: Tuning) -> Table:
    """Rows that no study of theirs saw."""
    nested = sheet["nested"]
    assert nested is not None
    folds = nested["mean_of_folds"]
    rows = [
        (Words("tuned"), *_both_ways(plain, folds["tuned"], nested["tuned"])),
        (Words("recipe's own"), *_both_ways(plain, folds["own"], nested["own"])),
        (
            Words("tuned minus own"),
            *_both_ways(measure, folds["tuned_minus_own"], nested["tuned_minus_own"]),
        ),
    ]
    pauc = f"pAUC above {percent(sheet['min_tpr'])} TPR"
    names = (f"{pauc}, mean of folds", "pooled", "AUC, mean of folds", "pooled")
    return Table((*columns("scores, nested"), *broken(*names)), tuple(rows))


def verdict(nested: Mapping[str, Any]) -> str:
    """What to do, by the score that trials are chosen by on rows that had no say."""
    minus = nested["mean_of_folds"]["tuned_minus_own"]["pauc"]
    if minus["low"] is None:
        return "too few patients to say whether tuned values are better than the recipe's own."
    if minus["low"] > 0:
        return "tuned values are better than the recipe's own by more than chance."
    worse = "worse" if minus["high"] < 0 else "not better"
    return f"tuned values are {worse} than the recipe's own by more than chance; stay with those."


def _both_ways(
    shown: Callable[[Any], Cell], mean: Mapping[str, Any], pooled: Mapping[str, Any]
) -> tuple[Cell, ...]:
    """Mean of folds and pooled, of pAUC and of AUC."""
    return (
        shown(mean["pauc"]), measure(pooled["pauc"]), shown(mean["auc"]), measure(pooled["auc"]),
    )  # fmt: skip


def value_table(sheet: Tuning) -> Table:
    """The recipe's own values and the best of the study for use."""
    study = sheet["studies"][FOR_USE]
    best, moved = study["best_values"] or {}, study["importances"]
    rows = [
        (
            Words(key, code=True),
            Words(_short(sheet["own"][key])),
            Words(_short(best[key])),
            Words(percent(round(moved[key], 2)) if key in moved else "–"),
        )
        for key in best
    ]
    return Table(columns("value", "recipe's own", "for use", "moved the score"), tuple(rows))


def history_plot(tried: pl.DataFrame, top: float) -> Plot:
    """Every trial, and the best so far."""
    last = max(1, *tried["number"].to_list())
    frame = Frame(SIZE, BOX, right=last, top=top)
    dots = [(float(x), float(y)) for x, y in tried.select("number", "pauc").iter_rows()]
    best = tried.sort("number").select("number", pl.col("pauc").cum_max())
    line = [(float(x), float(y)) for x, y in best.iter_rows()]
    return Plot(
        title="Trials",
        caption="Inner pAUC of every trial of the study for use; the line is the best so far.",
        size=frame.size,
        box=frame.box,
        x=frame.axis("trial", sorted({0, last // 2, last}), frame.x),
        y=frame.axis("inner pAUC", _ticks(top), frame.y),
        shapes=(
            frame.shape("line", "main", line),
            *(frame.shape("dot", "dot", [dot]) for dot in dots),
        ),
    )


def slice_plot(tried: pl.DataFrame, name: str, top: float) -> Plot:
    """Trials by one of their values; by factors where the values are that far apart."""
    values = tried[name].cast(pl.Float64).to_list()
    low, high = min(values), max(values)
    by_factors = low > 0 and high / low > 5

    def place(value: float) -> float:
        if high == low:
            return 0.5
        return log(value / low) / log(high / low) if by_factors else (value - low) / (high - low)

    frame = Frame(SIZE, BOX, top=top)
    middle = exp((log(low) + log(high)) / 2) if by_factors else (low + high) / 2
    ticks = tuple((frame.x(place(at)), f"{at:.3g}") for at in dict.fromkeys((low, middle, high)))
    dots = zip(map(place, values), tried["pauc"].to_list(), strict=True)
    return Plot(
        title=name,
        caption=f"Inner pAUC by {name}; the other values differ too.",
        size=frame.size,
        box=frame.box,
        x=Axis(name, ticks),
        y=frame.axis("inner pAUC", _ticks(top), frame.y),
        shapes=tuple(frame.shape("dot", "dot", [dot]) for dot in dots),
    )


def _ticks(top: float) -> list[float]:
    """Quarters of the highest pAUC that there can be."""
    return [round(top * quarter / 4, 6) for quarter in range(5)]


def _most(importances: Mapping[str, float]) -> dict[str, float]:
    """Those that moved the score most first."""
    return dict(sorted(importances.items(), key=lambda one: -one[1]))


def _short(value: float | bool) -> str:
    if isinstance(value, bool):
        return "used" if value else "left out"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
