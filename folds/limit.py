"""A rehearsal on some of the rows: the whole way in a minute, before it is walked for a day.

Rows are drawn, not patients: 2,000 rows of five patients would make no five folds. So it has more
positives among its rows, and fewer neighbours of a lesion, than the data; its scores say that
everything goes through, and nothing else.
"""

import hashlib

import polars as pl

from folds.findings import Findings, plural
from folds.schema import ID, SPLIT, TARGET, TEST


def take_some(frame: pl.DataFrame, limit: int | None, findings: Findings) -> pl.DataFrame:
    """So many rows to train on, half of them positives or all that there are; all rows of test.

    Which rows is decided by their ids alone: the same in any order of the table.
    """
    training = frame.filter(pl.col(SPLIT) != TEST)
    if limit is None or len(training) <= limit:
        return frame
    drawn = training.select(ID, TARGET, draw=pl.Series(map(_draw, training[ID]), dtype=pl.String))
    drawn = drawn.sort("draw")
    is_positive = pl.col(TARGET).fill_null(0) == 1
    positives, negatives = drawn.filter(is_positive), drawn.filter(~is_positive)
    most = max(limit // 2, limit - len(negatives))
    taken = pl.concat([positives.head(most), negatives.head(limit - min(most, len(positives)))])
    findings.notice(
        "limited",
        f"A rehearsal: {plural(len(taken), 'row')} of {len(training)} taken (data.limit), "
        "positives first; its scores say that everything goes through, and nothing else.",
        count=len(training) - len(taken),
    )
    return frame.filter((pl.col(SPLIT) == TEST) | pl.col(ID).is_in(taken[ID].implode()))


def _draw(name: str | None) -> str:
    return hashlib.sha256((name or "").encode()).hexdigest()
