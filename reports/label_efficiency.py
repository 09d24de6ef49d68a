"""How scores grow with labels: a table on the console, and curves as a picture."""

import io
from collections.abc import Mapping
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from folds.findings import plural
from reports.table import Column, Said, Table, Words, measure, notices, percent

Json = Mapping[str, Any]
COLOURS = ("#0b6b6b", "#b3423a", "#4c566a", "#a06a00", "#6b4c9a")
MARKS = ("o", "s", "^", "D", "v")
STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans", "font.size": 14, "axes.spines.top": False,
    "axes.spines.right": False, "svg.fonttype": "none", "svg.hashsalt": "dermstack",
}  # fmt: skip


def tables(sheet: Json) -> list[Said]:
    """What `make label-efficiency` tells."""
    return [
        f"label-efficiency: {sheet['watch'].replace('_', ' ')} of "
        f"{plural(sheet['n'], 'held-out picture')}, {plural(len(sheet['seeds']), 'seed')}; "
        "differences are paired.",
        curve_table(sheet),
        *notices(sheet["notes"]),
    ]


def curve_table(sheet: Json) -> Table:
    """A row for each share and network."""
    noun = "rows" if sheet["group"] == "none" else f"{sheet['group']}s"
    columns = ("labels", noun, "network", sheet["watch"].replace("_", " "),
               f"minus {sheet['reference']}")  # fmt: skip
    rows = []
    for at, groups in enumerate(sheet["groups"]):
        for name, curve in sheet["curves"].items():
            point = curve[at]
            minus = Words("") if name == sheet["reference"] else measure(point["minus_whole"])
            rows.append((
                Words(percent(point["share"])), Words(f"{groups:,}"), Words(name),
                measure(point["value"]), minus,
            ))  # fmt: skip
    return Table(tuple(Column(title) for title in columns), tuple(rows))


def draw(sheet: Json) -> str:
    """An SVG: each network's score over the share of labels, with intervals."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(STYLE)
        figure = Figure(figsize=(8, 5.4), layout="constrained")
        axes = figure.subplots()
        for number, (name, curve) in enumerate(sheet["curves"].items()):
            apart = 1.03 ** (
                number - (len(sheet["curves"]) - 1) / 2
            )  # or whiskers would hide each other
            shares = [point["share"] * 100 * apart for point in curve]
            values = [point["value"]["value"] for point in curve]
            axes.errorbar(
                shares, values, yerr=_whiskers(curve), label=name, capsize=3, linewidth=2,
                color=COLOURS[number % len(COLOURS)], marker=MARKS[number % len(MARKS)],
            )  # fmt: skip
        axes.set_xscale("log")
        ticks = [point["share"] * 100 for point in next(iter(sheet["curves"].values()))]
        axes.set_xticks(ticks, [f"{tick:g} %" for tick in ticks])
        axes.minorticks_off()
        axes.set_xlabel("labels that are known")
        axes.set_ylabel(sheet["watch"].replace("_", " "))
        axes.grid(axis="y", color="#d8dee9", linewidth=0.8)
        axes.legend(frameon=False, loc="best")
        drawn = io.StringIO()
        unsaid = {"Date": None, "Creator": None}
        figure.savefig(drawn, format="svg", metadata={"Title": "Score by labels", **unsaid})
        return drawn.getvalue()


def _whiskers(curve: Any) -> list[list[float]]:
    """How far intervals reach below and above; nothing where there is none."""
    below, above = [], []
    for point in curve:
        value, low, high = (point["value"][name] for name in ("value", "low", "high"))
        below.append(0.0 if low is None else value - low)
        above.append(0.0 if high is None else high - value)
    return [below, above]
