"""The task `nothing`: a backbone as it came, one for all folds, whose embeddings are stacked."""

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import polars as pl

from folds.findings import Findings
from metrics.score_sheet import ScoreConfig
from models.nets.config import NetConfig
from models.networks.diagnoses import NONE
from models.networks.measure import Patients
from models.networks.tasks.task import Labels, Task
from models.training.config import TrainConfig, Watch
from workspace.arrays import Floats, Ints

if TYPE_CHECKING:
    from models.inference.scores import Scores
    from models.training.objective import Objective

PLAIN = NetConfig(se=False, cbam=False, hidden=(), dropout=(0.0,))
TRAINED = ("se", "cbam", "se_reduction", "hidden", "dropout", "drop_path", "pace")


class NothingTask(Task):
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

    def inner_score(self, watch: Watch, codes: Ints, scores: "Scores", labels: Labels) -> float:
        raise AssertionError("it learns nothing")

    def called(self, probability: Floats, limit: Floats | None) -> Ints:
        raise AssertionError("it calls nothing")

    def sheet(
        self, true: Ints, called: Ints, probability: Floats, labels: Labels, patient: Patients,
        config: ScoreConfig,
    ) -> dict[str, Any]:  # fmt: skip
        raise AssertionError("it says nothing that could be measured")
