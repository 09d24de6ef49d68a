"""Teacher, students and baselines: tables on the console, size against specificity as a picture."""

from collections.abc import Mapping
from typing import Any

from folds.findings import plural
from reports.pages.drawings import as_svg, empty_figure, look_of, whiskers
from reports.table import Column, Row, Said, Table, Words, columns, measure, percent

Json = Mapping[str, Any]
ROUNDED = ("float16", "int8", "int4")  # variants that no training made
LINES = (":", "--", "-.")  # of baselines
SPLITS = {"by_image": "by image"}


def tables(sheet: Json) -> list[Said]:
    """What `make distill` tells."""
    said: list[Said] = [
        f"distill: {_rows(scheme, sheet['splits'][scheme], sheet)}" for scheme in _schemes(sheet)
    ]
    return [
        *said,
        f"distill: means of {plural(len(sheet['seeds']), 'seed')}; sensitivity and specificity at "
        f"the threshold of {percent(sheet['sensitivity'])} sensitivity on validation rows.",
        score_table(sheet),
        cost_table(sheet),
        f"distill: minus {sheet['reference']}, or what else a row is held against; paired.",
        minus_table(sheet),
        *_leak(sheet),
    ]


def score_table(sheet: Json) -> Table:
    """A row for each network and baseline, on the first split."""
    shown = ("auc", "sensitivity", "specificity", "brier")
    rows = [
        (Words(name), *(measure(_metrics(one, sheet)[metric]) for metric in shown))
        for name, one in _scores(sheet).items()
    ]
    return Table(columns("score", "AUC", *shown[1:]), tuple(rows))


def cost_table(sheet: Json) -> Table:
    """What a network is and takes."""
    rows: list[Row] = [
        (Words(name), Words(one["backbone"]), Words(one["teacher"] or "–"),
         Words(f"{one['parameters']:,}"), Words(f"{one['flops'] / 1e6:,.1f} M"),
         Words(one["variant"]), Words(f"{one['mb']:.2f}"))
        for name, one in _networks(sheet).items()
    ]  # fmt: skip
    heads = ("network", "backbone", "teacher", "parameters", "FLOPs an answer", "weights", "MB")
    return Table(tuple(Column(head) for head in heads), tuple(rows))


def minus_table(sheet: Json) -> Table:
    """What each brings beside what it is held against."""
    shown = ("auc", "specificity", "brier")
    rows = [
        (Words(name), Words(one["minus"]["than"]), *(measure(one["minus"][m]) for m in shown))
        for name, one in _scores(sheet).items() if one["minus"] is not None
    ]  # fmt: skip
    return Table(columns("score", "minus", "AUC", *shown[1:]), tuple(rows))


def draw_pareto(sheet: Json) -> str:
    """An SVG: size of the weights against specificity; baselines, which have none, as lines."""
    with empty_figure() as figure:
        axes = figure.subplots()
        for number, (name, one) in enumerate(_networks(sheet).items()):
            metric = _metrics(one, sheet)["specificity"]
            axes.errorbar(
                [one["mb"]], [metric["value"]], yerr=whiskers([metric]), label=name, capsize=3,
                linestyle="none", markersize=8, **look_of(number),
            )  # fmt: skip
        baselines = [n for n, one in _scores(sheet).items() if one["kind"] == "baseline"]
        for name, line in zip(baselines, LINES, strict=False):
            value = _metrics(_scores(sheet)[name], sheet)["specificity"]["value"]
            axes.axhline(value, color="#8a93a3", linestyle=line, linewidth=1.4, label=name)
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.set_xlabel("MB of weights")
        axes.set_ylabel(f"specificity at {percent(sheet['sensitivity'])} sensitivity")
        axes.grid(axis="y", color="#d8dee9", linewidth=0.8)
        figure.legend(frameon=False, loc="outside right upper", fontsize=11)
        return as_svg(figure, "Specificity by size")


def draw_abstention(sheet: Json) -> str:
    """An SVG: errors among the answers over how many are given, with intervals; of networks as
    they learnt, for rounded ones lie upon these.
    """
    with empty_figure() as figure:
        axes = figure.subplots()
        whole = {n: one for n, one in _networks(sheet).items() if one["variant"] not in ROUNDED}
        for number, (name, one) in enumerate(whole.items()):
            curve = [p for p in one["schemes"][sheet["scheme"]]["abstention"]
                     if p["error"]["value"] is not None]  # fmt: skip
            axes.errorbar(
                [100 * p["kept"]["value"] for p in curve], [p["error"]["value"] for p in curve],
                yerr=whiskers([p["error"] for p in curve]), label=name, capsize=3, linewidth=2,
                **look_of(number),
            )  # fmt: skip
        axes.set_xlabel("answers given, the most certain (%)")
        axes.set_ylabel("errors among them")
        axes.grid(axis="y", color="#d8dee9", linewidth=0.8)
        figure.legend(frameon=False, loc="outside right upper", fontsize=11)
        return as_svg(figure, "Errors by answers given")


def _networks(sheet: Json) -> dict[str, Json]:
    return {name: one for name, one in _scores(sheet).items() if one["kind"] == "network"}


def _scores(sheet: Json) -> dict[str, Json]:
    """In the order of the recipe."""
    return {name: sheet["scores"][name] for name in sheet["names"]}


def _schemes(sheet: Json) -> list[str]:
    """The split by groups first."""
    return sorted(sheet["splits"], key=lambda scheme: scheme != sheet["scheme"])


def _metrics(one: Json, sheet: Json) -> Json:
    metrics: Json = one["schemes"][sheet["scheme"]]["metrics"]
    return metrics


def _rows(scheme: str, one: Json, sheet: Json) -> str:
    """What a split learns and tests on."""
    counts = ", ".join(
        f"{one[side]['n']:,} {side} rows ({one[side]['positives']:,} positives)"
        for side in ("train", "validation", "test")
    )
    leaked = f"; of {one['leaked']:,} test rows the lesion is in training" if one["leaked"] else ""
    name = f"by {sheet['group']}" if scheme == sheet["scheme"] else SPLITS.get(scheme, scheme)
    return f"split {name}: {counts}{leaked}."


def _leak(sheet: Json) -> list[Said]:
    """What a split by image makes of the same networks."""
    if not sheet["leak"]:
        return []
    shown = ("auc", "sensitivity", "specificity")
    rows = []
    for name in [name for name in sheet["names"] if name in sheet["leak"]]:
        minus = sheet["leak"][name]
        both = sheet["scores"][name]["schemes"]
        for scheme in (sheet["scheme"], "by_image"):
            cells = (measure(both[scheme]["metrics"][metric]) for metric in shown)
            head = f"by {sheet['group']}" if scheme == sheet["scheme"] else SPLITS[scheme]
            rows.append((Words(name), Words(head), *cells))
        rows.append((Words(name), Words("difference"), *(measure(minus[m]) for m in shown)))
    return [
        f"distill: what a leak is worth: the same networks on a split by image, beside that by "
        f"{sheet['group']}; a difference reckons with both intervals.",
        Table(columns("network", "split", "AUC", *shown[1:]), tuple(rows)),
    ]
