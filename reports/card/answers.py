"""What of the checklists a run answers, and where; what is not made, with its command."""

from collections.abc import Mapping, Sequence

from reports.card.checklists import Item
from reports.run.sheets import RunSheets
from reports.table import Table, Words, broken

REPORT = "report.html"


def checklist(items: Sequence[Item], answers: Mapping[str, str]) -> Table:
    """Every item with its answer."""
    rows = tuple(
        (Words(item.number), Words(item.asks), Words(answers.get(item.answer, item.answer)))
        for item in items
    )
    return Table(broken("item", "asks for", "answer"), rows)


def answers(sheets: RunSheets) -> dict[str, str]:
    """By name, what the checklists look up."""
    return {**_of_data(sheets), **_of_models(sheets), **_of_scores(sheets), **OF_EVERY_RUN}


OF_EVERY_RUN = {
    "title": "this card's title, which is the recipe's name; a paper's says more",
    "use": "card: Intended use",
    "limits": "card: Limits",
    "versions": f"card: Made with; {REPORT}: What it was made from",
    "recipe": f"the recipe, whole in {REPORT} and in every manifest.json",
    "retrospective": "retrospective: kept data are read, nobody is recruited",
    "missing": "a missing value stays missing in every column (docs/features.md); trees split on "
    "it, other boosters fill it by what their training rows say",
    "columns": "docs/features.md; their families are in the recipe, section features; importances "
    f"in {REPORT}",
    "size": "not answered: the data are as many as there are; no size was reckoned beforehand",
    "identity": "the card names no id of a person or picture, the report those of single lesions "
    "only where report.pictures allows it; whether the data do, their "
    "publisher must say",
    "external": "not answered: rows of another collection, scored by 'make predict DATA=' and "
    "'make score', would",
    "model": "the run's folder: boosters and weights with their hashes; 'make export' hands a "
    "network out, 'make predict' uses all",
}


def _of_data(sheets: RunSheets) -> dict[str, str]:
    known = sheets.verified
    lacking = _not_made(sheets, "verify")
    centres = 0 if known is None else known["counts"].get("hospitals", 0)
    where = f"card: Data; {REPORT}: Data"
    folds = f"card: Data; {REPORT}: Folds"
    limit = sheets.recipe["data"].get("limit")
    return {
        "data": lacking if known is None else where,
        "checks": lacking if known is None else f"{where}; samples/verify.json",
        "outcome": "what counts as 1: card, Data; how it was found: not answered, the data say",
        "licence": "data: card, Data (licence); code: Apache-2.0, the repository",
        "hospitals_known": f"{centres} in the table; the setting: not answered" if centres else
        "not answered: the table has no column of hospitals",
        "folds": _not_made(sheets, "folds") if sheets.balance is None else folds,
        "selection": "all rows of the table that passed the checks" if limit is None else
        f"a rehearsal on {limit} rows: card, above all",
    }  # fmt: skip


def _of_models(sheets: RunSheets) -> dict[str, str]:
    made = sheets.stacked is not None or sheets.networks
    pictures = sheets.recipe["data"]["images"] != "none"
    none = "not applicable, because the recipe uses no pictures"
    return {
        "training": "card: Training" if made else _not_made(sheets, "stack"),
        "imbalance": "sampling and loss: card, Training; what they did to probabilities: card, "
        "Calibration",
        "preprocessing": "the recipe, sections networks (net.size, augment) and data" if pictures
        else none,
        "explanations": _explanations(sheets),
        "quality": _quality(sheets),
    }  # fmt: skip


def _of_scores(sheets: RunSheets) -> dict[str, str]:
    stack = _not_made(sheets, "stack")
    scored = sheets.stacked is not None
    calibrated = scored and sheets.stacked is not None and sheets.stacked.get("calibration")
    hospitals = "card: Another hospital"
    return {
        "scores": "card: Scores" if scored or sheets.networks else stack,
        "by_fold": f"card: Scores; {REPORT}: Fold by fold" if scored else stack,
        "subgroups": "card: Subgroups" if scored else stack,
        "calibration": "card: Calibration" if calibrated else stack,
        "output": "a score from 0 to 1 a row; where to flag: stack/threshold.json" if scored
        else stack,
        "hospitals": _not_made(sheets, "hospitals") if sheets.hospitals is None else hospitals,
        "failures": _failures(sheets) if scored else stack,
    }  # fmt: skip


def _explanations(sheets: RunSheets) -> str:
    """Those that the report of this run has, and how new pictures get theirs."""
    if sheets.stacked is None:
        return _not_made(sheets, "stack")
    cases, said = sheets.cases, []
    if sheets.importance is not None:
        said.append("Importances")
    if cases is not None and cases.moving["columns"]:
        said.append("What moves scores (tree SHAP)")
    if cases is not None and cases.cases is not None and cases.cases["network"] is not None:
        said.append("Most wrong (Grad-CAM)")
    answer = f"{REPORT}: {', '.join(said)}" if said else "not answered: the report has none"
    new = "Grad-CAM of new pictures by 'make predict IMAGES='"
    return f"{answer}; {new}" if sheets.networks else answer


def _quality(sheets: RunSheets) -> str:
    """What happens to a bad picture; nothing measures how bad one is."""
    refused, blurred = "a file that cannot be decoded is refused", "how blurred a picture may be"
    told = sheets.recipe.get("predict", {}).get("unlike", True)
    if not sheets.networks or not told:
        return f"not answered: {refused}; nothing says {blurred}"
    return (
        f"{refused}; 'make predict' says which pictures are unlike those learnt from (unlike, "
        f"distance); {blurred}: not answered"
    )


def _failures(sheets: RunSheets) -> str:
    """Where the report has those that are most wrong; why they are, nobody has said."""
    why = "why they are so is for a person to look at"
    if sheets.cases is None or sheets.cases.cases is None:
        return f"not answered: the report shows no single row; {why}"
    return f"{REPORT}: Most wrong; {why}"


def _not_made(sheets: RunSheets, stage: str) -> str:
    return f"not answered: not made yet, 'make {stage}{sheets.again}'"
