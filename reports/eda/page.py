"""The exploration page: sections of the sheet, each with the design decision that it led to."""

from reports.eda.columns import correlations_section, numbers_section, words_section
from reports.eda.pictures import (
    colours_section,
    pairs_section,
    sheet_section,
    sizes_section,
    source_section,
)
from reports.eda.rows import (
    classes_section,
    groups_section,
    hospitals_section,
    looked_section,
    missing_section,
)
from reports.eda.sheets import Eda
from reports.eda.shown import Shown
from reports.look_alikes import KEEP
from reports.pages.elements import Head
from reports.pages.page import page
from reports.run.head import SYNTHETIC
from reports.table import Cell, count

KIND = "exploration"


def eda_page(sheet: Eda, shown: Shown | None) -> str:
    """The page as text; `shown` is None where nobody may be seen."""
    sections = (
        looked_section(sheet), classes_section(sheet), missing_section(sheet),
        groups_section(sheet), hospitals_section(sheet), sizes_section(sheet),
        colours_section(sheet), sheet_section(sheet, shown), numbers_section(sheet),
        words_section(sheet), correlations_section(sheet), source_section(sheet),
        pairs_section(sheet, shown),
    )  # fmt: skip
    return page(_head(sheet, shown), sections)


def _head(sheet: Eda, shown: Shown | None) -> Head:
    seen = sheet["looked_at"]
    facts: list[tuple[str, Cell]] = [("rows", count(seen["rows"]))]
    facts += [("positives", count(seen["positives"]))]
    facts += [] if seen["groups"] is None else [(f"{seen['group']}s", count(seen["groups"]))]
    hospitals = sheet["hospitals"]
    facts += [] if hospitals is None else [("hospitals", count(hospitals["distinct"]))]
    facts += [("pictures", count(sheet["pictures"]["n"]))] if sheet["pictures"] else []
    warnings = [] if sheet["synthetic"] or shown is None else [KEEP]
    if seen["limited"] is not None:
        warnings.append(
            f"A rehearsal on {seen['rows']:,} rows (data.limit), positives first: no share and no "
            "interval here says anything of the whole."
        )
    return Head(
        title=sheet["name"],
        about=sheet["about"],
        banner=SYNTHETIC if sheet["synthetic"] else "",
        warnings=tuple(warnings),
        facts=tuple(facts),
        kind=KIND,
    )
