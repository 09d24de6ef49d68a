"""What a run has not made, with the command that makes it."""

from reports.pages.elements import Note
from reports.run.sheets import RunSheets


def missing(sheets: RunSheets, stage: str, words: str = "") -> Note:
    """The note that stands where a part would."""
    words = f"{words} Not made yet. With the DATA=, RUN= and SET= of this run, if any:".strip()
    return Note(words, "missing", f"make {stage}{sheets.again}")
