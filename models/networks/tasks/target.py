"""The task `target`: is it a 1 or a 0 of the sample table?"""

from typing import Literal

import polars as pl
from pydantic import Field

from folds.findings import Findings
from folds.schema import TARGET
from models.nets.config import NetConfig
from models.networks.diagnoses import NONE
from models.networks.tasks.classified import Classified
from models.networks.tasks.task import Labels
from models.networks.threshold import best_threshold
from models.training.config import TrainConfig
from workspace.arrays import Bools, Floats, Ints


class TargetTask(Classified):
    """Every picture, by the target; test rows have none."""

    of_target = True

    kind: Literal["target"] = "target"
    names: tuple[str, str] = Field(default=("benign", "malignant"), strict=False)
    # What is greatest on the inner rows where the network calls a row; none: it only ranks them.
    threshold: Literal["youden", "accuracy", "none"] = "none"

    @property
    def known_classes(self) -> tuple[str, ...]:
        return self.names

    @property
    def by_threshold(self) -> bool:
        return self.threshold != "none"

    def check(self, net: NetConfig, training: TrainConfig | None) -> None:
        super().check(net, training)
        if len(set(self.names)) != len(self.names):
            raise ValueError("task.names says the same twice")
        if self.by_threshold and training is not None and training.choose == "last":
            raise ValueError(
                "task.threshold is chosen on inner rows, and training.choose='last' has none; take "
                "task.threshold='none'"
            )

    def labels(self, name: str, rows: pl.DataFrame, findings: Findings) -> Labels:
        codes = rows[TARGET].cast(pl.Int64).fill_null(NONE).to_numpy()
        return Labels(codes, self.names, self.auxiliary_in(name, rows), target=(1,))

    def choose_threshold(self, positive: Bools, probability: Floats) -> float | None:
        if self.threshold == "none":
            return None
        return best_threshold(positive, probability, self.threshold)

    def called(self, probability: Floats, limit: Floats | None) -> Ints:
        """At or above each fold's own threshold; by the greater probability where there is none."""
        if limit is None:
            return super().called(probability, limit)
        called: Ints = (probability[:, 1] >= limit).astype("int64")
        return called
