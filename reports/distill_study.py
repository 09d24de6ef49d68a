"""What a study of a taught student came to: the best values beside its own, on validation rows."""

from collections.abc import Mapping
from typing import Any

from folds.findings import plural
from reports.table import Cell, Row, Said, Table, Words, columns, plain


def tables(sheet: Mapping[str, Any]) -> list[Said]:
    """What `make distill TRIALS=n` tells of it."""
    failed = f", of which {sheet['failed']} failed" if sheet["failed"] else ""
    of = f" of a grid of {sheet['grid']:,}" if sheet["grid"] else ""
    lines: list[Said] = [
        f"distill: a study of {sheet['student']}: {plural(sheet['trials'], 'trial')}{of}{failed}; "
        f"the {sheet['auc_is']}.",
        value_table(sheet),
    ]
    if sheet["best_trial"] == 0:
        lines.append(
            f"distill: no trial was better than {sheet['student']}'s own values; "
            f"{sheet['tuned']} differs from it by luck alone."
        )
    return lines


def value_table(sheet: Mapping[str, Any]) -> Table:
    """A row for each value that was tried, its own and the best, and what moved the score."""
    moved = sheet["importances"]
    rows: list[Row] = [
        (Words(word), _value(own), _value(sheet["best_values"][word]), _share(moved.get(word)))
        for word, own in sheet["own"].items()
    ]
    scores = (plain(sheet[key]) for key in ("own_auc", "best_auc"))
    rows.append((Words("validation AUC"), *scores, _share(None)))
    heads = columns("value", "own", f"trial {sheet['best_trial']}", "moved the score")
    return Table(heads, tuple(rows))


def _value(value: float | str) -> Cell:
    return Words(value if isinstance(value, str) else f"{value:.4g}")


def _share(share: float | None) -> Cell:
    return Words("–" if share is None else f"{share:.0%}")
