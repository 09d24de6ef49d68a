"""What the stack of a run is worth, at other hospitals and with other values too."""

from reports import hospitals, stack, tuning
from reports.pages.elements import Section
from reports.run.missing import missing
from reports.run.sheets import RunSheets


def sections(sheets: RunSheets) -> list[Section]:
    """What the stack says, and what it costs or gains elsewhere."""
    return [
        *_of_stack(sheets),
        *([] if sheets.hospitals is None else [hospitals.section(sheets.hospitals)]),
        *([] if sheets.tuned is None else [tuning.section(*sheets.tuned)]),
    ]


def _of_stack(sheets: RunSheets) -> list[Section]:
    if sheets.stacked is None:
        words = "Scores, folds one by one, curves, subgroups and importances come from the stack."
        return [Section("scores", "Scores", (missing(sheets, "stack", words),))]
    method = sheets.recipe.get("calibration", {}).get("method", "none")
    terms = stack.Terms(sheets.group, sheets.min_tpr, method)
    sections = stack.sections(sheets.stacked, sheets.rows, terms, sheets.mapped_by)
    return [
        *sections,
        *([] if sheets.importance is None else [stack.importances(sheets.importance)]),
    ]
