"""How the stages' metrics are shown: measured beside claimed, class by class, then end to end."""

from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from folds.findings import plural
from models.cascade.fold import Stage
from pipeline.job import Job
from scripts.score import short

RATES = ("precision", "recall", "f1")


def show_stage(job: Job, stage: Stage, metrics: dict[str, Any]) -> None:
    """Each class measured with its interval, and the paper's claim where it speaks of the class."""
    sheet, claim = metrics["best_epoch"], metrics["claim"]
    report, chosen = sheet["report"], stage.config.choose == "inner"
    job.say(
        f"{stage.name}: out of fold, {plural(report['n'], 'picture')}"
        + (f" of {sheet['patients']} {metrics['group']}s" if sheet["patients"] else "")
        + f"; measured at each fold's {'best inner' if chosen else 'last'} epoch."
    )
    if claim is None:  # an extractor is taught for its ranking: at no threshold of its own
        for metric in ("auc", "pauc"):
            last = metrics["last_epoch"]["metrics"][metric]
            after = f"; after the last epoch {short(last)}" if chosen else ""
            job.say(f"{stage.name}: {metric} {short(sheet['metrics'][metric])}{after}.")
        return
    table = Table("class", "n", box=SIMPLE_HEAD, padding=(0, 1), pad_edge=False)
    for name in RATES:
        table.add_column(name, no_wrap=True)
    for at, name in enumerate(stage.classes):
        n = str(report["per_class"][name]["true"])
        table.add_row(name, n, *(short(sheet["metrics"][f"{rate}[{name}]"]) for rate in RATES))
        claimed = _claimed(stage, at, claim["per_class"])
        if claimed:
            table.add_row(*claimed, style="dim")
    job.desk.console.print(table)
    shown: dict[str, Any] = {"accuracy": claim["accuracy"][0], "macro_f1": claim["macro_f1"]}
    if "auc" in sheet["metrics"]:
        shown |= {"auc": None, "pauc": None}
    for metric, claimed in shown.items():
        last = metrics["last_epoch"]["metrics"][metric]
        beside = "" if claimed is None else f"; claimed {claimed:.4f}, on other pictures"
        job.say(
            f"{stage.name}: {metric} {short(sheet['metrics'][metric])}; after the last epoch "
            f"{short(last)}{beside}."
        )
    if "source_only" in metrics:
        _show_source(job, stage, metrics["source_only"])


def show_cascade(job: Job, metrics: dict[str, Any]) -> None:
    """Both stages end to end."""
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
    job.desk.console.print(table)
    if metrics["left_out"]:
        job.say(f"cascade: {plural(metrics['left_out'], 'row')} with target 1 have no class here.")


def _claimed(stage: Stage, at: int, claims: dict[str, list[float]]) -> list[str]:
    """The paper's row: of stage 1 by its place, normal and cancer; of stage 2 by its name."""
    name = ("normal", "cancer")[at] if stage.name == "stage1" else stage.classes[at].lower()
    if name not in claims:
        return []
    *rates, n = claims[name]
    return ["  claimed", str(n), *(f"{rate:.3f}" for rate in rates)]


def _show_source(job: Job, stage: Stage, found: dict[str, Any]) -> None:
    gain = found["ours_minus_this"]["auc"]
    job.say(
        f"{stage.name}: size of picture and file and mean colours alone have AUC "
        f"{short(found['metrics']['auc'])}; ours minus this {short(gain)}."
    )
    if gain["low"] is not None and gain["low"] <= 0:
        job.say(
            f"notice: {stage.name} is not shown to be better than what tells the source of a "
            "picture; it may have learnt that."
        )
