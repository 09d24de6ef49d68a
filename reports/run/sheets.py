"""What a run has made, as it was parsed from JSON and tables: what its page is drawn from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from reports.cases.section import CaseSheets
from reports.sheets import (
    Ablation,
    Cascade,
    Check,
    Comparison,
    HeldOut,
    Hospitals,
    Json,
    Network,
    ScoreSheet,
    Stack,
    Tuning,
)
from workspace.manifest import Making, Manifest


@dataclass(frozen=True)
class Training:
    """One training of a network, as its history tells it: an entry an epoch."""

    name: str  # what is left out, as in `fold 0`
    history: Sequence[Json]
    watch: str  # the entries' inner score, where they have one
    chosen: bool  # the best epoch was chosen by it; else the last one was taken
    best_epoch: int  # from 1

    @property
    def scores(self) -> list[float]:
        """The inner score of each epoch; none where there were no inner rows."""
        return [float(entry[self.watch]) for entry in self.history if self.watch in entry]

    @property
    def highest(self) -> int:
        """The place of the best inner score, the first of equals."""
        return self.scores.index(max(self.scores))


@dataclass(frozen=True)
class Block:
    """What a network's embeddings became for the stack, and how far its folds agree."""

    drift: Json | Sequence[Json]  # of a nested stack one for each fold's boosters
    folds: Sequence[int]
    anchors: int
    method: str  # how they are brought together
    learns: bool  # else it is one for all folds
    warnings: Sequence[str] = ()


@dataclass(frozen=True)
class RunSheets:
    """What a run has made, None or empty where it has not; manifests by their folder in the run."""

    recipe: Json
    again: str  # what stands behind `make <stage>` to make more of this run
    manifests: Mapping[str, Manifest]
    unsaid: str = ""  # what of this run `again` cannot say
    makings: Mapping[str, Making] = field(default_factory=dict)  # of every unit, by its folder
    verified: Json | None = None
    balance: Sequence[HeldOut] | None = None
    stacked: Stack | None = None
    rows: pl.DataFrame | None = None  # of what is handed in, out of fold: see HandedIn
    mapped_by: str | None = None  # how the probabilities of these rows were made
    importance: pl.DataFrame | None = None
    networks: Mapping[str, Network] = field(default_factory=dict)
    trainings: Mapping[str, Sequence[Training]] = field(default_factory=dict)  # by network
    blocks: Mapping[str, Block] = field(default_factory=dict)
    cascade: Cascade | None = None
    tuned: tuple[Tuning, pl.DataFrame] | None = None  # and its trials
    hospitals: Hospitals | None = None
    leaks: Sequence[Check] | None = None
    comparison: Comparison | None = None
    ablation: Ablation | None = None
    label_efficiency: Json | None = None
    signs: Mapping[str, Json] = field(default_factory=dict)  # facts of networks without labels
    distill: Json | None = None
    distill_study: Json | None = None
    suite: Json | None = None
    bundles: Mapping[str, Json] = field(default_factory=dict)
    scored: Mapping[str, ScoreSheet] = field(default_factory=dict)  # by file
    drawings: Mapping[str, str] = field(default_factory=dict)  # of these stages, by file
    handed_in: pl.Series | None = None  # the scores of submission.csv
    cases: CaseSheets | None = None  # lesions of the stack

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
