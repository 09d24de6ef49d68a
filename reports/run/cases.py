"""The lesions of a run's stack whose scores are most wrong, and what moves its scores."""

from reports.cases.section import OTHER_ROWS
from reports.cases.section import sections as case_sections
from reports.pages.elements import Note, Section
from reports.run.sheets import RunSheets
from reports.stack import STACK, handed_in_pauc


def sections(sheets: RunSheets) -> list[Section]:
    """None of a run without a stack."""
    if sheets.stacked is None:
        return []
    if sheets.cases is None:
        return [Section("cases", "Most wrong", (Note(OTHER_ROWS),))]
    name, _ = handed_in_pauc(sheets.stacked)
    return case_sections(sheets.cases, None if name == STACK else name)
