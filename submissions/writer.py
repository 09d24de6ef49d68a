"""Scores to the CSV that is handed in: the sample's order, float64 to the last digit, 0 to 1."""

import polars as pl

from folds.schema import ID, TARGET
from workspace.errors import ArtifactError, DataError, listed


def submission_table(scores: pl.DataFrame, order: pl.Series) -> pl.DataFrame:
    """isic_id and target for the ids in this order; `scores` has the id and `score`."""
    odd = order.filter(order.is_duplicated() | order.is_null()).unique().to_list()
    if odd:
        raise DataError(f"sample_submission.csv has images twice or without an id: {listed(odd)}.")
    for ids, other, words in (
        (order, scores[ID], "Scores are missing for"),
        (scores[ID], order, "Scores are there beyond the sample submission for"),
    ):
        strange = ids.filter(~ids.is_in(other.implode())).to_list()
        if strange:
            raise ArtifactError(
                f"{words} images: {listed(strange)} ({len(strange)} of {len(ids)}); the test table "
                "and sample_submission.csv must name the same images."
            )
    table = order.to_frame(ID).join(
        scores.select(ID, pl.col("score").clip(0.0, 1.0).alias(TARGET)),
        on=ID, how="left", validate="1:1", maintain_order="left",
    )  # fmt: skip
    assert table[TARGET].is_finite().all()
    return table
