"""What to draw: the recipe's `[synthetic]` section.

Reads whole numbers; refuses those that no competition can have before anything is drawn.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from synthetic.spread import (
    LESIONS_PER_POSITIVE,
    MOST_POSITIVES,
    lesions_per_patient,
    room_for_positives,
)


class SyntheticConfig(BaseModel):
    """The default takes seconds; patients=1042, rows=401059, positives=393 is the real size."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    seed: int = Field(default=0, ge=0, lt=2**32)  # of the drawing alone; folds have their own
    patients: int = Field(default=80, ge=2, le=100_000)
    rows: int = Field(default=1600, ge=2, le=5_000_000)
    positives: int = Field(default=80, ge=1)
    # How many training crops are drawn, malignant ones first; 0 = none. The test set gets the
    # same share of its rows, chosen blindly.
    images: Literal["all"] | Annotated[int, Field(ge=0)] = "all"
    # How many training rows show nearly the picture of another row of their patient.
    copies: int = Field(default=0, ge=0)
    test_share: float = Field(default=0.25, gt=0, le=1)  # on top of the rows; other patients

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if isinstance(self.images, int) and self.images > self.rows:
            raise ValueError(
                f"images={self.images} is more than rows={self.rows}; lower it, or say 'all'"
            )
        if self.copies > self.image_count() // 4:
            raise ValueError(
                f"copies={self.copies} is more than a quarter of the {self.image_count()} pictures "
                "of training rows; lower it"
            )
        _check(self.patients, self.rows, self.positives, "")
        _check(*self.test_counts(), "the test set has too little: ")
        return self

    def settings(self) -> dict[str, Any]:
        """The values for a manifest; no copies are no value of it."""
        return self.model_dump(mode="json", exclude=None if self.copies else {"copies"})

    def test_counts(self) -> tuple[int, int, int]:
        """Patients, rows and positives of the test set: the training set's, times the share."""
        patients = max(2, round(self.patients * self.test_share))
        rows = max(patients, round(self.rows * self.test_share))
        return patients, rows, max(1, round(self.positives * self.test_share))

    def image_count(self) -> int:
        return self.rows if self.images == "all" else self.images

    def test_image_count(self) -> int:
        _, rows, _ = self.test_counts()
        return rows if self.images == "all" else self.images * rows // self.rows


def _check(patients: int, rows: int, positives: int, where: str) -> None:
    if rows < patients:
        raise ValueError(
            f"{where}rows={rows} is less than patients={patients}; each patient needs a lesion"
        )
    if positives >= rows:
        raise ValueError(f"{where}positives={positives} leaves no benign one of rows={rows}")
    room = int(room_for_positives(lesions_per_patient(patients, rows)).sum())
    if positives > room:
        raise ValueError(
            f"{where}positives={positives} do not fit: patients={patients} with rows={rows} hold "
            f"at most {room}, {MOST_POSITIVES} each and one in {LESIONS_PER_POSITIVE} lesions; "
            "lower it, or raise the others"
        )
