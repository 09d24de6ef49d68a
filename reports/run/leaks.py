"""What was done to find leaks in a run."""

from collections.abc import Sequence

from reports import leaks
from reports.pages.elements import Note, Section
from reports.run.missing import missing
from reports.run.sheets import RunSheets


def sections(sheets: RunSheets) -> list[Section]:
    """Each check, or how to make them."""
    title = "Search for leaks"
    if sheets.leaks is None:
        return [Section("leaks", title, (missing(sheets, "audit"),))]
    declared = (Note(words, "warning") for words in declared_of_audit(sheets))
    return [Section("leaks", title, (leaks.leak_table(sheets.leaks), *declared))]


def declared_of_audit(sheets: RunSheets) -> Sequence[str]:
    """Its sheet is a list of checks; what is declared is a fact of its unit."""
    manifest = sheets.manifests.get("leaks")
    declared: Sequence[str] = () if manifest is None else manifest.facts.get("declared", ())
    return declared
