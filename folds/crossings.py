"""What a published split leaks: patients or lesions on more than one side of it, by class.

Reads the sample table, whatever the folds keep together: whoever takes the published split should
know how many of its held-out images have their lesion in training.
"""

from typing import Any

import polars as pl

from folds.findings import Findings, plural
from folds.samples import GROUP_COLUMNS
from folds.schema import DIAGNOSIS, SPLIT, TARGET, TEST, TRAIN, VALID

CROSSES, IN_TRAINING = "crosses", "in_training"


def report_crossings(samples: pl.DataFrame, findings: Findings) -> None:
    """How many patients or lesions a published split puts on two sides, by class."""
    if not _has_published_split(samples):
        return
    label = _label(samples)
    for noun, column in GROUP_COLUMNS.items():
        known = samples.drop_nulls(column)
        crossing = known.filter(pl.col(SPLIT).n_unique().over(column) > 1)
        if crossing.is_empty():
            continue
        names = crossing[column].unique().sort().to_list()
        by_class = (
            crossing.drop_nulls(label).group_by(pl.col(label).cast(pl.String))
            .agg(pl.col(column).n_unique().alias("groups"))
            .sort("groups", label, descending=[True, False])
        )  # fmt: skip
        shown = ", ".join(f"{name} {count}" for name, count in by_class.iter_rows())
        findings.notice(
            f"{noun}-across-split",
            f"{plural(len(names), noun)} of {known[column].n_unique()} on more than one side of "
            f"the official split, by class: {shown}.",
            count=len(names),
        )


def crossing_sheets(samples: pl.DataFrame) -> list[dict[str, Any]]:
    """The same as numbers, with the held-out images: a sheet for each kind of group that is known.

    `across` counts groups on more than one side. Of the validation and of the test images `leaked`
    have their group in training, and of `unknown` ones nobody knows it.
    """
    if not _has_published_split(samples):
        return []
    label = _label(samples)
    sheets = []
    for noun, column in GROUP_COLUMNS.items():
        if samples[column].null_count() == len(samples):
            continue
        rows = _with_crossings(samples, column)
        classes = rows.drop_nulls(label).sort(label).group_by(label, maintain_order=True)
        by_class = [{"name": str(name), **_counts(some, column)} for (name,), some in classes]
        sheets.append({"group": noun, "classes": by_class, "all": _counts(rows, column)})
    return sheets


def _has_published_split(samples: pl.DataFrame) -> bool:
    """A source's test set alone is no split of its training rows."""
    return bool((samples[SPLIT] == VALID).any())


def _label(samples: pl.DataFrame) -> str:
    return DIAGNOSIS if samples[DIAGNOSIS].null_count() < len(samples) else TARGET


def _with_crossings(samples: pl.DataFrame, column: str) -> pl.DataFrame:
    """Of each row whether its group lies on several sides, and whether one of them is training."""
    known = pl.col(column).is_not_null()
    training = samples.filter(pl.col(SPLIT) == TRAIN)[column].drop_nulls().unique()
    return samples.with_columns(
        (known & (pl.col(SPLIT).n_unique().over(column) > 1)).alias(CROSSES),
        (known & pl.col(column).is_in(training.implode())).alias(IN_TRAINING),
    )


def _counts(rows: pl.DataFrame, column: str) -> dict[str, Any]:
    """Of one class, or of all."""
    counts: dict[str, Any] = {
        "groups": rows[column].drop_nulls().n_unique(),
        "across": rows.filter(CROSSES)[column].n_unique(),
    }
    for side in (VALID, TEST):
        held_out = rows.filter(pl.col(SPLIT) == side)
        counts[side] = {
            "rows": len(held_out),
            "leaked": int(held_out[IN_TRAINING].sum()),
            "unknown": held_out[column].null_count(),
        }
    return counts
