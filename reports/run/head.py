"""What stands above all sections of a run's page: its name, its warnings, its greatest facts."""

from reports.pages.elements import Head
from reports.run.leaks import declared_of_audit
from reports.run.provenance import stale
from reports.run.sheets import RunSheets
from reports.stack import STACK, handed_in_pauc
from reports.table import Cell, count, measure

SYNTHETIC = (
    "Synthetic data. It was drawn by 'make sample': it shows no person, and no number on this page "
    "says anything about skin."
)


def head(sheets: RunSheets) -> Head:
    """Name, warnings and the facts that one asks for first."""
    facts: list[tuple[str, Cell]] = []
    if sheets.verified is not None:
        counts = sheets.verified["counts"]
        names = ("rows", "positives", "patients" if counts["patients"] else "lesions", "test_rows")
        facts += [(name.replace("_", " "), count(counts[name])) for name in names if counts[name]]
    if sheets.stacked is not None:
        name, pauc = handed_in_pauc(sheets.stacked)
        whose = "" if name == STACK else f" of {name}"
        words = f"pAUC{whose} above {sheets.min_tpr:.0%} sensitivity, {pauc['level']:.0%} interval"
        facts.append((words, measure(pauc)))
    return Head(
        title=sheets.recipe["name"],
        about=sheets.recipe.get("about", ""),
        banner=SYNTHETIC if sheets.synthetic else "",
        warnings=tuple(warnings_of(sheets)),
        facts=tuple(facts),
    )


def warnings_of(sheets: RunSheets) -> list[str]:
    """What every number of a run is to be read with."""
    return [*_rehearsal(sheets), *_declared(sheets), *stale(sheets.manifests)]


def _rehearsal(sheets: RunSheets) -> list[str]:
    """That only some rows were taken, in the words of the check, which name no row."""
    notices = [] if sheets.verified is None else sheets.verified["notices"]
    return [notice["message"] for notice in notices if notice["check"] == "limited"]


def _declared(sheets: RunSheets) -> list[str]:
    """What the numbers of this page are to be read with, each sentence once."""
    tuned = None if sheets.tuned is None else sheets.tuned[0]
    stacked = (sheets.stacked, sheets.hospitals, tuned, sheets.comparison, sheets.ablation)
    whole = (*sheets.networks.values(), sheets.cascade, *stacked)
    said = [words for sheet in whole if sheet is not None for words in sheet.get("declared", ())]
    return list(dict.fromkeys([*said, *declared_of_audit(sheets)]))
