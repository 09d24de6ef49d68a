"""A submission as the official scorers take it: the solution's ids once each, a number for each.

The checks and their order are those of the ISIC archive's scorer, the words are ours: one sentence
a problem, at most five ids, never a label.
"""

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from folds.findings import Findings, plural
from folds.schema import ID, TARGET, category, identifier
from folds.tables import read_table
from workspace.errors import listed, name_some, shorten

COLUMNS = (identifier(ID), category(TARGET))


def read_submission(path: Path, expected: pl.Series, findings: Findings) -> pl.DataFrame:
    """The submission with float64 scores, one row an id; every fault is collected."""
    seen = Findings()
    frame = read_table(path, COLUMNS, seen)
    for extra in seen.notices:
        findings.error(
            "extra-columns",
            f"Extra columns in {path.name}: {_named(extra.ids, extra.count)}; a submission has "
            f"{ID} and {TARGET} only.",
        )
    _check_ids(frame[ID].fill_null(""), expected, path.name, findings)
    _check_scores(frame, path.name, findings)
    return frame.with_columns(pl.col(TARGET).cast(pl.Float64, strict=False))


def joined(solution: pl.DataFrame, submission: pl.DataFrame, name: str) -> pl.DataFrame:
    """The solution's rows with the submission's scores as column `name`, joined by id."""
    scores = submission.rename({TARGET: name})
    rows = solution.join(scores, on=ID, how="left", validate="1:1", maintain_order="left")
    assert rows[name].null_count() == 0
    return rows


def _named(columns: Sequence[str], count: int) -> str:
    return name_some([name or "a column without a name" for name in columns], count)


def _check_ids(ids: pl.Series, expected: pl.Series, name: str, findings: Findings) -> None:
    repeated = ids.filter(ids.is_duplicated()).unique().sort().to_list()
    missing = expected.filter(~expected.is_in(ids.implode())).to_list()
    extra = ids.filter(~ids.is_in(expected.implode()) & (ids != "")).unique().sort().to_list()
    if empty := int((ids.str.strip_chars() == "").sum()):
        findings.error("no-id", f"Missing {ID} in {name}: {plural(empty, 'row')}.", count=empty)
    if missing and extra and len(missing) == len(expected):
        findings.error(
            "other-images",
            f"None of the {len(extra)} images in {name} (first {shorten(extra[0])}) is among the "
            f"{len(expected)} of the solution (first {shorten(missing[0])}): a submission for a "
            "test set needs that test set's solution, not the training table.",
        )
        missing, extra = [], []
    for check, words, found in (
        ("duplicate", "Duplicate image rows detected in", repeated),
        ("missing-images", "Missing images in", missing),
        ("extra-images", "Extra images in", extra),
    ):
        if found:
            of = f" ({len(found)} of {len(expected)})" if check == "missing-images" else ""
            findings.error(check, f"{words} {name}: {listed(found)}{of}.", found)


def _check_scores(frame: pl.DataFrame, name: str, findings: Findings) -> None:
    text = frame[TARGET]
    value = text.cast(pl.Float64, strict=False)
    for check, words, wrong in (
        ("missing-scores", "Missing value(s) in", text.is_null()),
        ("not-numbers", "Not a number in", text.is_not_null() & value.is_null()),
        ("not-finite", "Infinite value(s) in", value.is_infinite().fill_null(value=False)),
    ):
        ids = frame.filter(wrong)[ID].fill_null("").to_list()
        if ids:
            findings.error(check, f"{words} {name} for images: {listed(ids)}.", ids)
