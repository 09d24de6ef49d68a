"""The calibration that a stack hands out, as its unit keeps it and as new rows meet it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import polars as pl

from stacking.calibration.config import CalibrationConfig
from stacking.calibration.maps import Calibration, fit, shifted
from workspace.arrays import Floats, Ints

FILE, PROBABILITY = "calibration.json", "probability"


@dataclass(frozen=True)
class Calibrated:
    """A map fitted on all rows that the folds hold out, and the prior it is read at."""

    calibration: Calibration
    prevalence: float  # of the rows that it was fitted on
    asked: float  # where its probabilities are to be read

    @classmethod
    def of(cls, score: Floats, target: Ints, config: CalibrationConfig) -> "Calibrated | None":
        """Of the scores that are handed in; None: they stay as they are."""
        if config.method == "none":
            return None
        share = float(np.mean(target))
        asked = share if config.prevalence is None else config.prevalence
        return cls(fit(config.method, score, target), share, asked)

    def __call__(self, score: Floats) -> Floats:
        probability = self.calibration.probabilities(score)
        if self.asked == self.prevalence:
            return probability
        return shifted(probability, self.prevalence, self.asked)

    def beside(self, table: pl.DataFrame, by_fold: Sequence[Floats]) -> pl.DataFrame:
        """The table with the mean over folds of each view's probability.

        The map knows the scores of one fold's models. Their average is less spread: mapped after
        averaging it would be too timid.
        """
        each = np.mean([self(one) for one in by_fold], axis=0)
        return table.with_columns(pl.Series(PROBABILITY, each, dtype=pl.Float64))

    def as_json(self) -> dict[str, Any]:
        """All of it."""
        return asdict(self)

    @classmethod
    def of_json(cls, values: Mapping[str, Any]) -> "Calibrated":
        """What `as_json` gave."""
        one = values["calibration"]
        return cls(
            Calibration(one["method"], tuple(one["numbers"]), tuple(one["values"])),
            values["prevalence"],
            values["asked"],
        )
