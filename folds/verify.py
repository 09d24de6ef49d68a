"""The recipe's `[verify]` section, and what its findings do to the sample table."""

from typing import Any, Literal, Self

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, model_validator

from folds.findings import Findings, plural
from folds.schema import ID, IMAGE, SPLIT, TEST
from workspace.errors import listed


class VerifyConfig(BaseModel):
    """How closely the data is looked at before it is believed."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    look_at_images: bool = True  # decode each once: damage, sizes, exact duplicates
    near_duplicates: bool = True  # search re-encoded, shifted, flipped copies too
    # At most so many pairs for a person to judge, of different groups that may be one; 0: nobody
    # looks for any. It takes a network, which sees every picture once more.
    look_alikes: int = Field(default=0, ge=0, le=1000)
    corrupt_images: Literal["error", "drop"] = "error"

    @model_validator(mode="after")
    def _looks_for_alike_where_it_looks(self) -> Self:
        if self.look_alikes and not (self.look_at_images and self.near_duplicates):
            raise ValueError(
                "look_alikes needs look_at_images and near_duplicates; set both, or look_alikes=0"
            )
        return self

    def settings(self) -> dict[str, Any]:
        """The values for a manifest; what nobody asked for is no value of it."""
        unasked = None if self.look_alikes else {"look_alikes"}
        return self.model_dump(mode="json", exclude=unasked)


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
