"""What a recipe may say about its data, whatever sources there are."""

from pathlib import Path, PurePath
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from folds.headers import PIXEL_LIMIT

Group = Literal["patient", "lesion", "none", "known"]
ImagePolicy = Literal["all", "some", "none"]


class DataSettings(BaseModel):
    """`table` and `images_in` name files in the folder; left out, the source's own names hold."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str
    folder: Path
    table: str | None = None
    images_in: tuple[str, ...] = ()
    # Which lesion each image shows, where the source does not say it (dermamnist): a CSV of ids of
    # images and lesions, or a folder of HAM10000 with whose pictures the images are matched.
    lesions: Path | None = None
    # What must never be on two sides of a split; "known": what the folder says of whose rows are.
    group: Group = "patient"
    images: ImagePolicy = "all"  # must all rows have a picture, may some lack it, or use none
    positive: tuple[str, ...] = Field(
        default=(), description="diagnoses that make target 1, where the source has only classes"
    )
    id_pattern: str | None = None
    pixel_limit: int = Field(
        default=PIXEL_LIMIT, gt=0, description="height times width that a picture may claim"
    )

    # A rehearsal: so many training rows alone, to see that all goes through.
    limit: int | None = Field(default=None, ge=20, strict=True)

    def settings(self) -> dict[str, Any]:
        """The values for a manifest. Where files lie changes nothing, nor does no limit."""
        unasked = {"folder", "lesions"} if self.limit else {"folder", "lesions", "limit"}
        return self.model_dump(mode="json", exclude=unasked)

    @field_validator("table", "images_in")
    @classmethod
    def _below_the_folder(cls, value: str | tuple[str, ...] | None) -> object:
        for name in (value,) if isinstance(value, str) else value or ():
            if PurePath(name).is_absolute() or ".." in PurePath(name).parts:
                raise ValueError("must name files below the data folder")
        return value
