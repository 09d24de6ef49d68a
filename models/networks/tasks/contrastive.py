"""The task `contrastive`: know a picture's other view among those of other lesions (SimCLR).

It looks at no label and says nothing of a row. What is of use are the weights, with which other
networks begin (`net.weights` names it); its head is the projector, which nobody begins with. Labels
serve signs of life alone, which choose nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import polars as pl
from pydantic import Field

from folds.findings import Findings
from folds.schema import DIAGNOSIS, ID, LESION, TARGET
from models.nets.config import NetConfig
from models.networks.diagnoses import NONE
from models.networks.tasks.silent import SilentTask
from models.networks.tasks.task import Labels
from models.training.config import TrainConfig, Watch
from workspace.arrays import Ints
from workspace.errors import ConfigError

if TYPE_CHECKING:
    from models.networks.inner_rows import InnerRows
    from models.training.objective import Objective
    from models.training.setting import Deal, Score

# Of a training what labels are mixed, weighed or drawn by, as it is where there are none.
OF_LABELS: Mapping[str, Any] = {
    "sampling": "shuffled", "oversample": {}, "class_weights": False, "alpha": None, "gamma": 0.0,
    "smoothing": 0.0, "mixup_probability": 0.0, "labels": 1.0,
}  # fmt: skip
COLLAPSED = -0.1  # uniformity above which all outputs are as good as one point
DRAWN = 3  # epochs in which that may still be so, as it is where the weights are as they were drawn


@dataclass(frozen=True, kw_only=True)
class Unlabelled(Labels):
    """All rows are learnt from alike; beside them what batches and signs of life go by."""

    lesions: Ints  # (rows,): whose picture it is, by a number
    known: Ints  # (rows,): the class that neighbours are held against, NONE where it is unknown
    names: tuple[str, ...]  # of these classes
    by: str  # the column that they are of, in words


class ContrastiveTask(SilentTask):
    """Two views of each picture, NT-Xent between them."""

    is_beginning = True
    by_batch = True
    watches = ("knn_accuracy", "knn_balanced_accuracy")

    kind: Literal["contrastive"] = "contrastive"
    temperature: float = Field(default=0.5, gt=0)
    width: int = Field(default=128, ge=2)  # of the outputs; net.hidden has the layers before them
    signs_by: Literal["diagnosis", "target"] = "diagnosis"  # of neighbours, for signs of life
    # fold: what a network that begins with it may learn from. all: held-out rows too, without their
    # labels, which every number that follows then says.
    rows: Literal["fold", "all"] = "fold"

    @property
    def sees_all(self) -> bool:
        return self.rows == "all"

    def check(self, net: NetConfig, training: TrainConfig | None) -> None:
        if net.se or net.cbam:
            raise ValueError(
                "net.se and net.cbam are no part of what others begin with, the backbone alone is; "
                "take false for both"
            )
        if training is None:
            return
        for name, without in OF_LABELS.items():
            if getattr(training, name) != without:
                raise ValueError(
                    f"training.{name} is of labels, and task.kind={self.kind!r} looks at none; "
                    f"take {name}={_spelt(without)}"
                )
        if training.batch_size < 2:
            raise ValueError("training.batch_size=1 leaves a picture nothing to be told from")
        if training.choose == "inner":
            raise ValueError(
                "training.choose='inner' would choose by labels; take 'watched', or 'last'"
            )

    def labels(self, name: str, rows: pl.DataFrame, findings: Findings) -> Labels:
        column = rows[DIAGNOSIS if self.signs_by == "diagnosis" else TARGET].cast(pl.String)
        names = sorted(value for value in column.drop_nulls().unique() if value)
        number = {value: code for code, value in enumerate(names)}
        known = column.replace_strict(number, default=NONE, return_dtype=pl.Int64).to_numpy()
        codes = np.zeros(len(rows), np.int64)
        return Unlabelled(
            codes, (), lesions=_lesions(rows), known=known, names=tuple(names), by=self.signs_by
        )

    def check_found(self, network: str, labels: Labels, training: TrainConfig) -> None:
        assert isinstance(labels, Unlabelled)
        if training.choose != "last" and len(labels.names) < 2:
            raise ConfigError(
                f"networks.{network}.task.signs_by={self.signs_by!r} tells no two classes of these "
                "rows apart; take the other one, or training.choose='last'."
            )

    def outputs(self, labels: Labels) -> int:
        return self.width

    def objective(self, labels: Labels, training: TrainConfig) -> "Objective":
        from models.training.contrastive import ContrastiveObjective  # noqa: PLC0415 - torch

        return ContrastiveObjective(self.temperature)

    def dealing(self, labels: Labels, learnt: Ints, training: TrainConfig, seed: int) -> "Deal":
        from models.training.lesions import LesionBatches  # noqa: PLC0415 - torch

        assert isinstance(labels, Unlabelled)
        most, size = training.epoch_samples, training.batch_size
        return LesionBatches(learnt, labels.lesions[learnt], size, most, seed)

    def scoring(self, rows: "InnerRows", labels: Labels, watch: Watch) -> "Score":
        from models.networks.signs import Signs  # noqa: PLC0415 - torch

        assert isinstance(labels, Unlabelled)
        return Signs(rows, labels, watch)

    def facts(self, history: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """The last epoch's signs of life, and the epochs in which they were none."""
        signs = ("loss", *self.watches, "alignment", "uniformity")
        return {
            "signs": {name: history[-1][name] for name in signs if name in history[-1]},
            "collapsed": collapsed(history),
        }


def collapsed(history: Sequence[Mapping[str, Any]]) -> list[int]:
    """The epochs after which different pictures were as good as one point again, or still were."""
    found, apart = [], False
    for number, entry in enumerate(history, start=1):
        is_point = entry.get("uniformity", -np.inf) > COLLAPSED
        if is_point and (apart or number > DRAWN):
            found.append(entry["epoch"])
        apart = apart or not is_point
    return found


def _lesions(rows: pl.DataFrame) -> Ints:
    """A number for each lesion; a picture that is of no known one is a lesion of its own."""
    known = pl.when(pl.col(LESION).fill_null("").ne("")).then(pl.format("of {}", LESION))
    whose = rows.select(pl.coalesce(known, pl.format("alone {}", ID)).rank("dense")).to_series()
    numbers: Ints = whose.cast(pl.Int64).to_numpy()
    return numbers


def _spelt(value: Any) -> str:
    """As a recipe has it; TOML has no word for None, which is what is not stated."""
    if value is None:
        return "none: leave it out"
    return str(value).lower() if isinstance(value, bool) else repr(value)
