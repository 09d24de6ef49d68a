"""What the page of a run must not be taken for."""

from reports.pages.elements import Note, Section
from reports.run.sheets import RunSheets

DISCLAIMER = (
    "This page comes from a research tool. It is no medical device, it was not examined by any "
    "authority, and it must not be used to diagnose or to treat anybody. Its numbers hold for the "
    "data named above and for no other clinic, camera or population."
)


def sections(sheets: RunSheets) -> list[Section]:
    """One sentence, the last of the page."""
    return [Section("use", "What this is not", (Note(DISCLAIMER),))]
