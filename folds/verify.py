"""The recipe's `[verify]` section, and what its findings do to the sample table."""

from typing import Literal

import polars as pl
from pydantic import BaseModel, ConfigDict

from folds.findings import Findings, plural
from folds.schema import ID, IMAGE, SPLIT, TEST
from workspace.errors import listed


class VerifyConfig(BaseModel):
    """How closely the data is looked at before it is believed."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    look_at_images: bool = True  # decode each once: damage, sizes, exact duplicates
    near_duplicates: bool = True  # search re-encoded, shifted, flipped copies too
    corrupt_images: Literal["error", "drop"] = "error"


def judge_damage(
    samples: pl.DataFrame, pictures: pl.DataFrame, config: VerifyConfig, findings: Findings
) -> pl.DataFrame:
    """Report unreadable images; with `drop` their rows go, but a test row only loses its image."""
    damaged = pictures.drop_nulls("problem").sort(ID)
    if damaged.is_empty():
        return samples
    ids, first = damaged[ID].to_list(), damaged["problem"][0]
    if config.corrupt_images == "error":
        many = f"{len(ids)} images cannot be read: {listed(ids)}; the first: {first}"
        mend = " Mend them, or leave them out with verify.corrupt_images='drop'."
        findings.error("damaged-image", (first if len(ids) == 1 else many) + mend, ids)
        return samples
    findings.notice(
        "damaged-image",
        f"{plural(len(ids), 'image')} that cannot be read left out: {listed(ids)}.",
        ids,
    )
    is_damaged = pl.col(ID).is_in(ids)
    return samples.filter(~is_damaged | (pl.col(SPLIT) == TEST)).with_columns(
        pl.when(is_damaged).then(None).otherwise(pl.col(IMAGE)).alias(IMAGE)
    )
