"""What tasks share that say nothing of a row: no probability, no call, no sheet."""

from typing import TYPE_CHECKING, Any

from metrics.score_sheet import ScoreConfig
from models.networks.measure import Patients
from models.networks.tasks.task import Labels, Task
from models.training.config import Watch
from workspace.arrays import Floats, Ints

if TYPE_CHECKING:
    from models.inference.scores import Scores


class SilentTask(Task):
    """Whoever asks it for what it does not say has not looked at what it is."""

    def inner_score(self, watch: Watch, codes: Ints, scores: "Scores", labels: Labels) -> float:
        raise AssertionError("it has no probabilities")

    def called(self, probability: Floats, limit: Floats | None) -> Ints:
        raise AssertionError("it calls nothing")

    def sheet(
        self, true: Ints, called: Ints, probability: Floats, labels: Labels, patient: Patients,
        config: ScoreConfig,
    ) -> dict[str, Any]:  # fmt: skip
        raise AssertionError("it says nothing that could be measured")
