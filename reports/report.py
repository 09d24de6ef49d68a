"""What a run has made, section by section, in the order in which a reader doubts it.

Reads what the stages kept, as it was parsed from JSON and tables; gives one page of HTML. A part
that the run has not made is named, with the command that makes it. Each part of the page is a file
of `reports/run/`; which there are, and in which order, stands here alone.
"""

from collections.abc import Callable, Iterable

from reports.curves.explorer import SCRIPT as EXPLORER
from reports.pages.elements import Section
from reports.pages.page import page
from reports.run import (
    cases,
    claims,
    data,
    drift,
    further,
    leaks,
    missing,
    networks,
    provenance,
    scores,
    submission,
    trainings,
    use,
)
from reports.run.head import head
from reports.run.sheets import RunSheets

Part = Callable[[RunSheets], Iterable[Section]]
PARTS: tuple[Part, ...] = (
    data.sections,
    scores.sections,
    cases.sections,
    further.of_the_stack,
    networks.sections,
    claims.sections,
    drift.sections,
    further.of_networks,
    trainings.sections,
    further.of_holdouts,
    leaks.sections,
    submission.sections,
    further.scored,
    further.handed_out,
    missing.sections,
    provenance.sections,
    use.sections,
)


def report(sheets: RunSheets) -> str:
    """The page of a run."""
    return page(head(sheets), [section for part in PARTS for section in part(sheets)], [EXPLORER])
