"""What is fitted: which source columns there were, and the words that codes stand for.

Nothing else is: patient-relative values come from the rows they are computed for. Fitted once on
training rows, kept as JSON beside what was trained on it, never fitted again.
"""

from typing import Literal

import polars as pl
from pydantic import AliasChoices, BaseModel, ConfigDict, Field, field_validator

from features.columns import Kind
from features.config import FeatureConfig
from features.request import Request
from folds.schema import CORE, HOSPITAL, ID, PATIENT
from workspace.errors import DataError, listed

# The version is raised whenever a name, a formula or an order changes.


class State(BaseModel):
    """Frozen; `model_dump_json` and `model_validate_json` carry it through a file."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    version: Literal[1] = 1
    config: FeatureConfig
    columns: dict[str, Kind]  # what was there at the fit, by name
    # Of each coded column the words, in the order of their codes. Runs of before say `levels`.
    category_codes: dict[str, tuple[str, ...]] = Field(
        validation_alias=AliasChoices("category_codes", "levels")
    )
    features: tuple[str, ...]  # the table's columns after the id, in order

    @field_validator("category_codes", mode="before")
    @classmethod
    def _words(cls, codes: object) -> object:
        """JSON knows no tuples."""
        if not isinstance(codes, dict):
            return codes
        return {name: tuple(w) if isinstance(w, list) else w for name, w in codes.items()}

    @property
    def request(self) -> Request:
        return Request(self.config, self.columns)


def columns_of(samples: pl.DataFrame) -> dict[str, Kind]:
    """The columns that have any value: clinical ones, patient and hospital; sorted by name."""
    kinds: dict[str, Kind] = {}
    for name in sorted(samples.columns):
        values = samples[name]
        if values.null_count() == len(values):
            continue
        if name in (PATIENT, HOSPITAL):
            kinds[name] = "key"
        elif name not in CORE:
            kinds[name] = "number" if values.dtype.is_numeric() else "category"
    return kinds


def check_columns(samples: pl.DataFrame, state: State, where: str) -> None:
    """Every column that was there at the fit is here, and of its kind."""
    missing = [name for name in (ID, *state.columns) if name not in samples.columns]
    if missing:
        raise DataError(
            f"Feature columns missing in {where}: {listed(missing)}; they were there when the "
            "features were fitted."
        )
    words = [
        name
        for name, kind in state.columns.items()
        if kind == "number"
        and not samples.schema[name].is_numeric()
        and samples[name].null_count() < len(samples)
    ]
    if words:
        raise DataError(f"Feature columns that are not numbers in {where}: {listed(words)}.")
