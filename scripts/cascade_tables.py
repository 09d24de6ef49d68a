"""How the networks' metrics are shown: measured beside claimed, class by class, then end to end."""

from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from folds.findings import plural
from models.networks.network import Network
from scripts.score import short
from scripts.stage import Job

RATES = ("precision", "recall", "f1")


def show_network(job: Job, network: Network, metrics: dict[str, Any]) -> None:
    """Each class measured with its interval, and what others claim where they speak of it."""
    if "report" not in metrics.get("best_epoch", {}):  # it puts nothing into classes
        return
    sheet, claim = metrics["best_epoch"], metrics["claim"]
    report, chosen = sheet["report"], network.config.learning.choose == "inner"
    job.say(
        f"{network.name}: out of fold, {plural(report['n'], 'picture')}"
        + (f" of {sheet['patients']} {metrics['group']}s" if sheet["patients"] else "")
        + f"; measured at each fold's {'best inner' if chosen else 'last'} epoch."
    )
    shown: dict[str, Any] = {"auc": None, "pauc": None}
    if len(network.classes) > 2 or network.task.by_threshold or claim:  # others only rank
        _show_classes(job, network, sheet, claim)
        shown = {"accuracy": claim and claim["accuracy"][0]}
        shown |= {} if len(network.classes) == 2 else {"balanced_accuracy": None}
        shown |= {"macro_f1": claim and claim["macro_f1"]}
        shown |= {name: None for name in ("auc", "pauc", "macro_auc") if name in sheet["metrics"]}
    for metric, claimed in shown.items():
        last = metrics["last_epoch"]["metrics"][metric]
        after = f"; after the last epoch {short(last)}" if chosen else ""
        beside = "" if claimed is None else f"; claimed {claimed:.4f}, on other pictures"
        job.say(f"{network.name}: {metric} {short(sheet['metrics'][metric])}{after}{beside}.")
    if "source_only" in metrics:
        _show_source(job, network, metrics["source_only"])


def _show_classes(
    job: Job, network: Network, sheet: dict[str, Any], claim: dict[str, Any] | None
) -> None:
    report = sheet["report"]
    table = Table("class", "n", box=SIMPLE_HEAD, padding=(0, 1), pad_edge=False)
    for name in RATES:
        table.add_column(name, no_wrap=True)
    for name in network.classes:
        n = str(report["per_class"][name]["true"])
        table.add_row(name, n, *(short(sheet["metrics"][f"{rate}[{name}]"]) for rate in RATES))
        if claim is not None and name in claim["per_class"]:
            *rates, support = claim["per_class"][name]
            claimed = (f"{rate:.3f}" for rate in rates)
            table.add_row("  claimed", str(support), *claimed, style="dim")
    job.console.print(table)


def show_cascade(job: Job, metrics: dict[str, Any]) -> None:
    """Both networks end to end."""
    report = metrics["report"]
    job.say(
        f"cascade: accuracy end to end {short(metrics['metrics']['accuracy'])} of "
        f"{plural(report['n'], 'picture')}, macro F1 {short(metrics['metrics']['macro_f1'])}."
    )
    table = Table("true, down; called, across", box=SIMPLE_HEAD, padding=(0, 1), pad_edge=False)
    for name in (*metrics["classes"], "n"):
        table.add_column(name, justify="right")
    for name, counts in zip(metrics["classes"], report["confusion"]["counts"], strict=True):
        table.add_row(name, *map(str, counts), str(sum(counts)))
    job.console.print(table)
    if metrics["left_out"]:
        job.say(f"cascade: {plural(metrics['left_out'], 'row')} with target 1 have no class here.")


def _show_source(job: Job, network: Network, found: dict[str, Any]) -> None:
    gain = found["ours_minus_this"]["auc"]
    job.say(
        f"{network.name}: size of picture and file and mean colours alone have AUC "
        f"{short(found['metrics']['auc'])}; ours minus this {short(gain)}."
    )
    if gain["low"] is not None and gain["low"] <= 0:
        job.say(
            f"notice: {network.name} is not shown to be better than what tells the source of a "
            "picture; it may have learnt that."
        )
