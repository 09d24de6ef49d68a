"""What was noticed about the data, for the person and the log."""

from collections.abc import Mapping
from typing import Any

from folds.findings import Findings
from workspace.progress import Desk

NOTICES = "notices.json"  # what a maker noticed; not in the manifest, since it may name patients


def show_finding(desk: Desk, word: str, finding: Mapping[str, Any]) -> None:
    """One finding for the person; the log keeps its kind and count, since ids may be people."""
    desk.say(
        f"{word}: {finding['message']}",
        private=True,
        finding=word,
        check=finding["check"],
        count=finding["count"],
    )


def show_notices(desk: Desk, findings: Findings) -> None:
    """Every notice, where nothing is kept of them."""
    for finding in findings.as_json()["notices"]:
        show_finding(desk, "notice", finding)


def stop_on_errors(desk: Desk, findings: Findings) -> None:
    """Show every error but the first, which is raised: the last line is the stage's own."""
    for finding in findings.as_json()["errors"][1:]:
        show_finding(desk, "error", finding)
    findings.raise_errors()
