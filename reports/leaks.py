"""What was done to find a leak, and what came of it."""

from collections.abc import Sequence

from reports.sheets import Check
from reports.table import Mark, Table, Words, broken


def leak_table(checks: Sequence[Check]) -> Table:
    """One row a check."""
    rows = tuple(
        (
            Words(check["check"]),
            Words(check["found"]),
            Mark("holds" if check["holds"] else "LEAK", bool(check["holds"])),
        )
        for check in checks
    )
    return Table(broken("what was done", "what came of it", ""), rows)
