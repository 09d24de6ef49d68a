"""How scores grow with labels: a table on the console, and curves as a picture."""

from collections.abc import Mapping, Sequence
from typing import Any

from folds.findings import plural
from reports.pages.drawings import as_svg, empty_figure, look_of, whiskers
from reports.table import Column, Said, Table, Words, measure, notices, percent

Json = Mapping[str, Any]


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
        for name, curve in _curves(sheet):
            point = curve[at]
            minus = Words("") if name == sheet["reference"] else measure(point["minus_whole"])
            rows.append((
                Words(percent(point["share"])), Words(f"{groups:,}"), Words(name),
                measure(point["value"]), minus,
            ))  # fmt: skip
    return Table(tuple(Column(title) for title in columns), tuple(rows))


def _curves(sheet: Json) -> list[tuple[str, Sequence[Json]]]:
    """In the recipe's order, which sheets of old do not name."""
    return [(name, sheet["curves"][name]) for name in sheet.get("names", sheet["curves"])]


def draw(sheet: Json) -> str:
    """An SVG: each network's score over the share of labels, with intervals."""
    with empty_figure() as figure:
        axes = figure.subplots()
        for number, (name, curve) in enumerate(_curves(sheet)):
            apart = 1.03 ** (
                number - (len(sheet["curves"]) - 1) / 2
            )  # or whiskers would hide each other
            shares = [point["share"] * 100 * apart for point in curve]
            found = [point["value"] for point in curve]
            axes.errorbar(
                shares, [one["value"] for one in found], yerr=whiskers(found), label=name,
                capsize=3, linewidth=2, **look_of(number),
            )  # fmt: skip
        axes.set_xscale("log")
        ticks = [point["share"] * 100 for point in next(iter(sheet["curves"].values()))]
        axes.set_xticks(ticks, [f"{tick:g} %" for tick in ticks])
        axes.minorticks_off()
        axes.set_xlabel("labels that are known")
        axes.set_ylabel(sheet["watch"].replace("_", " "))
        axes.grid(axis="y", color="#d8dee9", linewidth=0.8)
        axes.legend(frameon=False, loc="best")
        return as_svg(figure, "Score by labels")
