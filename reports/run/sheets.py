"""What a run has made, as it was parsed from JSON and tables: what its page is drawn from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from reports.sheets import Cascade, Check, HeldOut, Hospitals, Json, Network, Stack, Tuning
from workspace.manifest import Making, Manifest


@dataclass(frozen=True)
class RunSheets:
    """What a run has made, None or empty where it has not; manifests by their folder in the run."""

    recipe: Json
    again: str  # what stands behind `make <stage>` to make more of this run
    manifests: Mapping[str, Manifest]
    makings: Mapping[str, Making] = field(default_factory=dict)  # of every unit, by its folder
    verified: Json | None = None
    balance: Sequence[HeldOut] | None = None
    stacked: Stack | None = None
    rows: pl.DataFrame | None = None  # target, score, fold: out of fold
    importance: pl.DataFrame | None = None
    networks: Mapping[str, Network] = field(default_factory=dict)
    cascade: Cascade | None = None
    tuned: tuple[Tuning, pl.DataFrame] | None = None  # and its trials
    hospitals: Hospitals | None = None
    leaks: Sequence[Check] | None = None
    handed_in: pl.Series | None = None  # the scores of submission.csv

    @property
    def synthetic(self) -> bool:
        verified = self.manifests.get("samples")
        return verified is not None and bool(verified.facts.get("synthetic"))

    @property
    def group(self) -> str:
        """What the folds keep together: `patients`, `lesions`, or single rows."""
        group = self.recipe["data"]["group"]
        return "rows" if group == "none" else f"{group}s"

    @property
    def min_tpr(self) -> float:
        return float(self.recipe["score"]["min_tpr"])
