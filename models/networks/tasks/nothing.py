"""The task `nothing`: a backbone as it came, one for all folds, whose embeddings are stacked."""

from typing import TYPE_CHECKING, Literal

import numpy as np
import polars as pl

from folds.findings import Findings
from models.nets.config import NetConfig
from models.networks.diagnoses import NONE
from models.networks.tasks.silent import SilentTask
from models.networks.tasks.task import Labels
from models.training.config import TrainConfig

if TYPE_CHECKING:
    from models.training.objective import Objective

PLAIN = NetConfig(se=False, cbam=False, hidden=(), dropout=(0.0,))
TRAINED = ("se", "cbam", "se_reduction", "hidden", "dropout", "drop_path", "pace")


class NothingTask(SilentTask):
    """It learns nothing here, so nobody asks it for a label or a loss."""

    learns = False

    kind: Literal["nothing"] = "nothing"

    def check(self, net: NetConfig, training: TrainConfig | None) -> None:
        added = [name for name in TRAINED if getattr(net, name) != getattr(PLAIN, name)]
        if added:
            raise ValueError(
                f"net.{added[0]} is for networks that learn; an encoder is its backbone alone"
            )

    def labels(self, name: str, rows: pl.DataFrame, findings: Findings) -> Labels:
        return Labels(np.full(len(rows), NONE, np.int64), ())

    def outputs(self, labels: Labels) -> int:
        return 1  # a last layer that nobody asks

    def objective(self, labels: Labels, training: TrainConfig) -> "Objective":
        raise AssertionError("it learns nothing")
