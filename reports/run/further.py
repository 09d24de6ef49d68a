"""What stages beside the way to a submission found, as their consoles tell it, where they were run.

Ways to stack, networks without a part, few labels, beginnings, students, suites, bundles.
"""

from collections.abc import Iterator

from folds.findings import plural
from reports import ablation, comparison, distill, distill_study, label_efficiency, networks
from reports.pages.elements import Drawing, Element, Folded, Note, Section
from reports.run.said import shown
from reports.run.sheets import RunSheets
from reports.scores import metric_table
from reports.sheets import Ablation
from reports.suite import leaderboard
from reports.table import Table, Words, columns, count, how_sure, measure, percent, plain

CURVES, PARETO, ABSTENTION = "label_efficiency.svg", "pareto.svg", "abstention.svg"
DRAWN = {
    CURVES: "Score by labels", PARETO: "Specificity by megabytes of weights",
    ABSTENTION: "Errors among the answers, by how many are given",
}  # fmt: skip
SUITE_PAGE = "suite/leaderboard/leaderboard.html"


def of_the_stack(sheets: RunSheets) -> Iterator[Section]:
    """What else might have been made of the same networks and features."""
    if sheets.comparison is not None:
        lead = (
            "Other ways to stack what the networks say, on the same folds, each minus the recipe's "
            "own way, paired. The seeds of the boosters are in the intervals."
        )
        told = shown(comparison.tables(sheets.comparison))
        yield Section("comparison", "Ways to stack", tuple(told), lead)


def of_networks(sheets: RunSheets) -> Iterator[Section]:
    """What the parts of networks bring, and what labels and beginnings do."""
    if sheets.ablation is not None:
        yield _ablation(sheets.ablation)
    if sheets.label_efficiency is not None:
        lead = "How a score grows with labels, from several beginnings."
        told = shown(label_efficiency.tables(sheets.label_efficiency))
        yield Section("label-efficiency", "Few labels", (*told, *_drawn(sheets, CURVES)), lead)
    if sheets.signs:
        lead = (
            "Networks that learnt without labels, for others to begin with. They say nothing of a "
            "row; these are the signs of life after their last epoch, on inner rows."
        )
        told = shown(networks.signs_tables(sheets.signs))
        yield Section("beginnings", "Networks without labels", tuple(told), lead)


def of_holdouts(sheets: RunSheets) -> Iterator[Section]:
    """What was trained and measured on splits of its own."""
    if sheets.distill is not None:
        lead = (
            "A teacher, students alone and taught, and simple baselines, on a holdout of its own."
        )
        studied = sheets.distill_study
        told = [] if studied is None else shown(distill_study.tables(studied))
        told += shown(distill.tables(sheets.distill))
        elements = (*told, *_drawn(sheets, PARETO, ABSTENTION))
        yield Section("distill", "Teacher and students", elements, lead)
    if sheets.suite is not None:
        words = (
            f"Each experiment's lesson, classes and seeds are on a page of its own: {SUITE_PAGE}"
        )
        told = shown(leaderboard.tables(sheets.suite))
        whole = Note(f"{words} in the folder of this run.")
        yield Section("suite", "Suite of networks", (*told, whole))


def _ablation(sheet: Ablation) -> Section:
    pictures, folds, seeds = (
        plural(sheet["n"], "held-out picture"), plural(len(sheet["folds"]), "fold"),
        plural(len(sheet["seeds"]), "seed"),
    )  # fmt: skip
    lead = (
        f"The network {sheet['network']} without one of its parts, or with another in its place, "
        f"minus the whole, paired; {pictures} of {folds}, {seeds}."
    )
    declared = (Note(words, "warning") for words in sheet.get("declared", ()))
    table = ablation.variant_table(sheet)
    return Section("ablation", "What each part brings", (table, *declared), lead)


def scored(sheets: RunSheets) -> Iterator[Section]:
    """Files of scores that were held against a solution."""
    if not sheets.scored:
        return
    rows = tuple(
        (
            Words(name), count(one["n"]), count(one["positives"]), count(one["patients"]),
            *(measure(one["metrics"].get(metric)) for metric in ("pauc", "auc")),
        )
        for name, one in sheets.scored.items()
    )  # fmt: skip
    first = next(iter(sheets.scored.values()))
    heads = columns(
        "file",
        "rows",
        "positives",
        "patients",
        f"pAUC above {percent(first['min_tpr'])} TPR",
        "AUC",
    )
    table = Table(heads, rows, how_sure(first["metrics"].get("pauc"), paired=False))
    each = (
        Folded(f"{name}: every metric", metric_table(one)) for name, one in sheets.scored.items()
    )
    notes = (Note(words, "warning") for one in sheets.scored.values() for words in one["notes"])
    lead = "Files of scores that 'make score' held against a solution, whoever made them."
    yield Section("scored", "Scored files", (table, *each, *dict.fromkeys(notes)), lead)


def handed_out(sheets: RunSheets) -> Iterator[Section]:
    """Networks that others can ask without this project."""
    if not sheets.bundles:
        return
    rows = tuple(
        (
            Words(name), plain(sheet["model_mb"]), measure(sheet["measured"]["metrics"]["auc"]),
            count(sheet["parity"]["pictures"]), plain(sheet["parity"]["largest"]),
        )
        for name, sheet in sheets.bundles.items()
    )  # fmt: skip
    lead = (
        "Networks as files that others can ask without this project, each with a model card of "
        "its own in export/. The file was held against the library, picture by picture."
    )
    table = Table(columns("bundle", "MB", "AUC", "pictures", "greatest difference"), rows)
    yield Section("bundles", "Bundles", (table,), lead)


def _drawn(sheets: RunSheets, *names: str) -> list[Element]:
    """The stages' own drawings, of those that were kept."""
    return [
        Drawing(DRAWN[name], sheets.drawings[name]) for name in names if name in sheets.drawings
    ]
