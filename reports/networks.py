"""What networks are worth: measured beside claimed, class by class, then end to end."""

from collections.abc import Iterator

from folds.findings import plural
from reports.elements import Element, Note, Section
from reports.sheets import Cascade, Claim, Classes, Network, Paired
from reports.stack import score_table
from reports.table import Column, Row, Said, Table, Words, count, measure, short

RATES = {"precision": "precision", "recall": "recall", "f1": "F1"}
CALLED = "true, down; called, across"
OF_TWO = ("normal", "cancer")  # what the paper calls the classes of its first network, in order


def tables(name: str, sheet: Network) -> list[Said]:
    """What `make train-cnn` tells of a network."""
    best, claim, chosen = sheet["best_epoch"], sheet["claim"], chosen_inside(sheet)
    report = best["report"]
    told: list[Said] = [
        f"{name}: out of fold, {plural(report['n'], 'picture')}"
        + (f" of {best['patients']} {sheet['group']}s" if best["patients"] else "")
        + f"; measured at each fold's {'best inner' if chosen else 'last'} epoch."
    ]
    if claim is None:  # an extractor learns to rank: it has no threshold of its own
        return told + list(_ranking(name, sheet, chosen))
    told += [class_table(best, claim), *_beside_claims(name, sheet, claim)]
    return told + (_source(name, sheet["source_only"]) if "source_only" in sheet else [])


def chosen_inside(sheet: Network) -> bool:
    """Whether the epochs were chosen on inner rows, or the last was taken."""
    return all(fold["inner_score"] is not None for fold in sheet["folds"])


def class_table(sheet: Classes, claim: Claim | None = None) -> Table:
    """Each class with its intervals, and below it what is claimed of it."""
    report = sheet["report"]
    rows: list[Row] = []
    faint = set()
    for at, name in enumerate(report["classes"]):
        n = count(report["per_class"][name]["true"])
        rates = (measure(sheet["metrics"].get(f"{rate}[{name}]")) for rate in RATES)
        rows.append((Words(name), n, *rates))
        claimed = () if claim is None else _claimed(claim, at, name)
        if claimed:
            faint.add(len(rows))
            rows.append(claimed)
    heads = [Column("class", whole=False), Column("n", whole=False), *map(Column, RATES.values())]
    return Table(tuple(heads), tuple(rows), faint=frozenset(faint))


def _claimed(claim: Claim, at: int, name: str) -> Row:
    """The paper's row of a class: by its name, of two classes by its place."""
    claims = claim["per_class"]
    called = OF_TWO[at] if set(claims) == set(OF_TWO) else name.lower()
    if called not in claims:
        return ()
    *rates, n = claims[called]
    return Words("  claimed"), count(int(n)), *(Words(f"{rate:.3f}") for rate in rates)


def _ranking(name: str, sheet: Network, chosen: bool) -> Iterator[str]:
    for metric in ("auc", "pauc"):
        best, last = (sheet[which]["metrics"][metric] for which in ("best_epoch", "last_epoch"))
        after = f"; after the last epoch {short(last)}" if chosen else ""
        yield f"{name}: {metric} {short(best)}{after}."


def _beside_claims(name: str, sheet: Network, claim: Claim) -> Iterator[str]:
    known = sheet["best_epoch"]["metrics"]
    shown = {"accuracy": claim["accuracy"][0], "macro_f1": claim["macro_f1"]}
    for metric in (*shown, *(("auc", "pauc") if "auc" in known else ())):
        last = sheet["last_epoch"]["metrics"][metric]
        claimed = f"; claimed {shown[metric]:.4f}, on other pictures" if metric in shown else ""
        yield (
            f"{name}: {metric} {short(known[metric])}; after the last epoch {short(last)}{claimed}."
        )


def _source(name: str, source: Paired) -> list[Said]:
    gain = source["ours_minus_this"]["auc"]
    told: list[Said] = [
        f"{name}: size of picture and file and mean colours alone have AUC "
        f"{short(source['metrics']['auc'])}; ours minus this {short(gain)}."
    ]
    if gain["low"] is not None and gain["low"] <= 0:
        told.append(
            f"notice: {name} is not shown to be better than what tells the source of a picture; it "
            "may have learnt that."
        )
    return told


def cascade_tables(sheet: Cascade) -> list[Said]:
    """What `make train-cnn` tells of two networks end to end."""
    metrics = sheet["metrics"]
    told: list[Said] = [
        f"cascade: accuracy end to end {short(metrics['accuracy'])} of "
        f"{plural(sheet['report']['n'], 'picture')}, macro F1 {short(metrics['macro_f1'])}.",
        confusion_table(sheet),
    ]
    if sheet["left_out"]:
        rows = plural(sheet["left_out"], "row")
        told.append(f"cascade: {rows} with target 1 have no class here.")
    return told


def confusion_table(sheet: Cascade) -> Table:
    """What was called what."""
    counts = sheet["report"]["confusion"]["counts"]
    rows = tuple(
        (Words(name), *map(count, called), count(sum(called)))
        for name, called in zip(sheet["classes"], counts, strict=True)
    )
    right = (Column(name, right=True, whole=False) for name in (*sheet["classes"], "n"))
    return Table((Column(CALLED, whole=False), *right), rows)


def network_section(name: str, sheet: Network) -> Section:
    """A network's scores by epoch, its classes one by one, and what others claim."""
    elements: list[Element] = [score_table(sheet)]
    best, claim = sheet.get("best_epoch"), sheet.get("claim")
    if best is not None and "report" in best:
        elements.append(class_table(best, claim))
    if claim is not None:
        accuracy, n = claim["accuracy"]
        elements.append(
            Note(
                f"Claimed elsewhere, on other pictures ({claim['source']}): accuracy {accuracy} of "
                f"{n:,}, macro F1 {claim['macro_f1']}."
            )
        )
    lead = "Out of fold; " + (
        "the best epoch was chosen on inner rows of other patients."
        if chosen_inside(sheet)
        else "no epoch was chosen: the best is the last."
    )
    return Section(f"network-{name}", f"Network {name}", tuple(elements), lead)


def cascade_section(sheet: Cascade) -> Section:
    """Both networks end to end: class by class, and what was called what."""
    elements = (score_table({"end to end": sheet}), class_table(sheet), confusion_table(sheet))
    return Section("cascade", "Cascade, end to end", elements)
