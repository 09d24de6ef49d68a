"""What networks are worth: measured beside claimed, class by class, then end to end."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from folds.findings import plural
from reports.pages.elements import Element, Note, Section
from reports.sheets import Cascade, Claim, Classes, Interval, Json, Network, Paired
from reports.stack import score_table
from reports.table import (
    Column,
    Row,
    Said,
    Table,
    Words,
    count,
    in_words,
    measure,
    notices,
    part_of_row,
)

RATES = {"precision": "precision", "recall": "recall", "f1": "F1"}
OF_CALLS = ("accuracy", "balanced_accuracy", "macro_f1")
CALLED = "true, down; called, across"
SHADES = "Shade and small type: the share of the row, that is of the pictures of the true class."
EPOCHS = {"best_epoch": "best epoch", "last_epoch": "last epoch", "source_only": "source alone"}


def tables(name: str, sheet: Network) -> list[Said]:
    """What `make train-cnn` says of a network; nothing, where it puts nothing into classes."""
    best, claim, chosen = sheet.get("best_epoch"), sheet.get("claim"), chosen_inside(sheet)
    if best is None or "report" not in best:
        return []
    report = best["report"]
    said: list[Said] = [
        f"{name}: out of fold, {plural(report['n'], 'picture')}"
        + (f" of {best['patients']} {sheet['group']}s" if best["patients"] else "")
        + f"; measured at each fold's {'best inner' if chosen else 'last'} epoch."
    ]
    calls, several = calls_classes(sheet), len(report["classes"]) > 2
    if calls:
        said.append(class_table(best, claim))
    of_calls = ("accuracy", *(("balanced_accuracy",) if several else ()), "macro_f1")
    metrics = (*(of_calls if calls else ()), "auc", "pauc", "macro_auc")
    said += notices(sheet.get("declared", ()))
    return [
        *said,
        *_measured(name, sheet, metrics),
        *(_source(name, sheet["source_only"]) if "source_only" in sheet else ()),
        *_why([best["metrics"].get(metric) for metric in metrics], said),
    ]


def _why(shown: Iterable[Interval | None], said: Sequence[Said]) -> list[Said]:
    """Why a sentence has a value without an interval, where no table has said it."""
    notes = [each.note for each in said if isinstance(each, Table)]
    reasons = dict.fromkeys(metric.get("reason") or "" for metric in shown if metric)
    return notices(why for why in reasons if why and not any(why in note for note in notes))


def calls_classes(sheet: Network) -> bool:
    """Two classes without a threshold of their own are only ranked."""
    several = len(sheet["best_epoch"]["report"]["classes"]) > 2
    return several or sheet["claim"] is not None or sheet["folds"][0].get("threshold") is not None


def chosen_inside(sheet: Network) -> bool:
    """Whether the epochs were chosen on inner rows, or the last was taken."""
    return all(fold["inner_score"] is not None for fold in sheet["folds"])


def class_table(sheet: Classes, claim: Claim | None = None) -> Table:
    """Each class with its intervals, and below it what is claimed of it."""
    report = sheet["report"]
    rows: list[Row] = []
    faint = set()
    for name in report["classes"]:
        n = count(report["per_class"][name]["true"])
        rates = (measure(sheet["metrics"].get(f"{rate}[{name}]")) for rate in RATES)
        rows.append((Words(name), n, *rates))
        claimed = () if claim is None else _claimed(claim, name)
        if claimed:
            faint.add(len(rows))
            rows.append(claimed)
    heads = [Column("class", whole=False), Column("n", whole=False), *map(Column, RATES.values())]
    return Table(tuple(heads), tuple(rows), faint=frozenset(faint))


def _claimed(claim: Claim, name: str) -> Row:
    """The claim of a class, where there is one."""
    if name not in claim["per_class"]:
        return ()
    *rates, n = claim["per_class"][name]
    return Words("  claimed"), count(int(n)), *(Words(f"{rate:.3f}") for rate in rates)


def _measured(name: str, sheet: Network, metrics: Sequence[str]) -> Iterator[str]:
    """Each metric that the sheet has, of both epochs, and what is claimed of it."""
    claim, best = sheet["claim"], sheet["best_epoch"]["metrics"]
    claims = _figures(claim)
    for metric in metrics:
        if metric in best:
            last = sheet["last_epoch"]["metrics"][metric]
            after = f"; after the last epoch {in_words(last)}" if chosen_inside(sheet) else ""
            beside = (
                f"; claimed {claims[metric]:.4f}, on other pictures" if metric in claims else ""
            )
            yield f"{name}: {metric} {in_words(best[metric])}{after}{beside}."


def _figures(claim: Claim | None) -> dict[str, float]:
    """What is claimed of all classes together, by the metric."""
    if claim is None:
        return {}
    stated = {"accuracy": claim["accuracy"][0], "macro_f1": claim["macro_f1"]}
    return {name: value for name, value in stated.items() if value is not None}


def _source(name: str, source: Paired) -> list[Said]:
    said, warned = _of_source(source)
    return [f"{name}: {said}", *([f"notice: {name} {warned}"] if warned else [])]


def _of_source(source: Paired) -> tuple[str, str]:
    """What tells the source of a picture is worth, and whether that may be all."""
    gain = source["ours_minus_this"]["auc"]
    said = (
        f"size of picture and file and mean colours alone have AUC "
        f"{in_words(source['metrics']['auc'])}; ours minus this {in_words(gain)}."
    )
    if gain["low"] is None or gain["low"] > 0:
        return said, ""
    return said, (
        "is not shown to be better than what tells the source of a picture; it may have learnt "
        "that."
    )


def cascade_tables(sheet: Cascade) -> list[Said]:
    """What `make train-cnn` tells of two networks end to end."""
    metrics = sheet["metrics"]
    said: list[Said] = [
        f"cascade: accuracy end to end {in_words(metrics['accuracy'])} of "
        f"{plural(sheet['report']['n'], 'picture')}, macro F1 {in_words(metrics['macro_f1'])}.",
        confusion_table(sheet),
    ]
    said += _why([metrics["accuracy"], metrics["macro_f1"]], [])
    said += notices(sheet.get("declared", ()))
    return [*said, *(f"cascade: {words}" for words in _left_out(sheet))]


def _left_out(sheet: Cascade) -> list[str]:
    """Positives that the second network has no class for, and no number counts."""
    rows = sheet["left_out"]
    return [f"{plural(rows, 'row')} with target 1 have no class here."] if rows else []


def confusion_table(sheet: Classes) -> Table:
    """What was called what, each count as dark as its share of the true class."""
    report = sheet["report"]
    rows = tuple(
        (Words(name), *(part_of_row(n, sum(called)) for n in called), count(sum(called)))
        for name, called in zip(report["classes"], report["confusion"]["counts"], strict=True)
    )
    right = (Column(name, right=True, whole=False) for name in (*report["classes"], "n"))
    return Table((Column(CALLED, whole=False), *right), rows, SHADES)


def epoch_table(sheet: Network) -> Table:
    """Its scores by epoch; of one that only ranks none that hangs on a cut."""
    best = sheet.get("best_epoch")
    ranks = best is not None and "report" in best and not calls_classes(sheet)
    without = OF_CALLS if ranks else ()
    named = {EPOCHS.get(key, key): _without(value, without) for key, value in sheet.items()}
    return score_table(named)


def _without(entry: Any, metrics: Sequence[str]) -> Any:
    if not isinstance(entry, Mapping) or "metrics" not in entry:
        return entry
    left = {name: one for name, one in entry["metrics"].items() if name not in metrics}
    return {**entry, "metrics": left}


def network_section(name: str, sheet: Network) -> Section:
    """A network's scores by epoch, its classes one by one, and what others claim."""
    elements: list[Element] = [epoch_table(sheet)]
    best, claim = sheet.get("best_epoch"), sheet.get("claim")
    if best is not None and "report" in best and calls_classes(sheet):
        elements += [class_table(best, claim), confusion_table(best)]
    if claim is not None:
        accuracy, n = claim["accuracy"]
        macro = "" if claim["macro_f1"] is None else f", macro F1 {claim['macro_f1']}"
        elements.append(
            Note(
                f"Claimed elsewhere, on other pictures ({claim['source']}): accuracy {accuracy} of "
                f"{n:,}{macro}."
            )
        )
    if "source_only" in sheet:
        said, warned = _of_source(sheet["source_only"])
        elements.append(Note(f"{said[0].upper()}{said[1:]}"))
        elements += [Note(f"{name} {warned}", "warning")] if warned else []
    elements += [Note(words, "warning") for words in sheet.get("declared", ())]
    lead = "Out of fold; " + (
        "the best epoch was chosen on inner rows of other patients."
        if chosen_inside(sheet)
        else "no epoch was chosen: the best is the last."
    )
    return Section(f"network-{name}", f"Network {name}", tuple(elements), lead)


def cascade_section(sheet: Cascade) -> Section:
    """Both networks end to end: class by class, and what was called what."""
    declared = (Note(words, "warning") for words in sheet.get("declared", ()))
    elements: tuple[Element, ...] = (
        score_table({"end to end": sheet}), class_table(sheet), confusion_table(sheet),
        *map(Note, _left_out(sheet)), *declared,
    )  # fmt: skip
    return Section("cascade", "Cascade, end to end", elements)


SIGNS = {
    "loss": "loss", "knn_accuracy": "kNN accuracy", "knn_balanced_accuracy": "balanced",
    "alignment": "alignment", "uniformity": "uniformity",
}  # fmt: skip


def signs_tables(networks: Mapping[str, Json]) -> list[Said]:
    """The last epoch's signs of life of networks that learnt without labels, by their facts."""
    each = {name: facts["signs"] for name, facts in networks.items()}
    shown = [name for name in SIGNS if all(name in signs for signs in each.values())]
    rows = [
        (Words(name), *(Words(f"{signs[sign]:.3f}") for sign in shown))
        for name, signs in each.items()
    ]
    heads = (Column(SIGNS[sign], right=True) for sign in shown)
    return [
        Table((Column("network", whole=False), *heads), tuple(rows)),
        *(
            f"WARNING: {name} had collapsed after {plural(len(facts['collapsed']), 'epoch')}."
            for name, facts in networks.items()
            if facts["collapsed"]
        ),
    ]
