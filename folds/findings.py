"""What a check found, collected so that one pass names every problem.

Errors stop the stage after all checks ran; notices say what was read otherwise than written.
Each is one sentence with at most five ids and the count.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from workspace.errors import DataError, one_line


@dataclass(frozen=True)
class Finding:
    """One problem or notice: the check's name, the sentence, and how many rows it concerns."""

    check: str
    message: str
    count: int
    ids: tuple[str, ...] = ()


@dataclass
class Findings:
    """Collects findings in the order in which the checks ran.

    `odd_is_missing`: a number that no measurement can give is a notice and no error, where
    a row without it is better than no answer.
    """

    odd_is_missing: bool = False
    errors: list[Finding] = field(default_factory=list)
    notices: list[Finding] = field(default_factory=list)

    def error(self, check: str, message: str, ids: Sequence[str] = (), count: int = 0) -> None:
        self.errors.append(_finding(check, message, ids, count))

    def notice(self, check: str, message: str, ids: Sequence[str] = (), count: int = 0) -> None:
        self.notices.append(_finding(check, message, ids, count))

    def as_json(self) -> dict[str, list[dict[str, Any]]]:
        return {
            "errors": [asdict(finding) for finding in self.errors],
            "notices": [asdict(finding) for finding in self.notices],
        }

    def raise_errors(self) -> None:
        """Raise the first error's sentence; the caller has already shown the others."""
        if self.errors:
            first = self.errors[0]
            raise DataError(first.message, public=f"check '{first.check}', count {first.count}.")


def _finding(check: str, message: str, ids: Sequence[str], count: int) -> Finding:
    return Finding(check, one_line(message), count or len(ids), tuple(str(i) for i in ids[:5]))


def plural(count: int, one: str, many: str | None = None) -> str:
    """`1 row`, `2 rows`, `3 boxes` (with `many` where an s will not do)."""
    return f"{count} {one if count == 1 else many or one + 's'}"
