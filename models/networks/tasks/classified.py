"""What all tasks share that put a row into one of some classes, two or more.

Focal loss, a probability of each class, and besides it, in training alone, families of diagnoses
and yes/no questions about a row.
"""

from typing import TYPE_CHECKING, Annotated, Any

import polars as pl
from pydantic import Field

from metrics.classification import predicted_class
from metrics.score_sheet import ScoreConfig
from models.nets.config import NetConfig
from models.networks.auxiliary import AuxiliaryTarget
from models.networks.diagnoses import Listed, refuse_shared
from models.networks.families import families_of
from models.networks.measure import Patients, network_sheet
from models.networks.questions import QUESTIONS, answers_to
from models.networks.tasks.task import Labels, Task
from models.networks.watch import watched
from models.training.config import TrainConfig, Watch
from workspace.arrays import Floats, Ints
from workspace.choices import Names, among, once_each
from workspace.errors import ConfigError

if TYPE_CHECKING:
    from models.inference.scores import Scores
    from models.training.objective import ClassObjective


WEIGHT = 0.3  # of an auxiliary target's loss beside that of the classes, if a recipe does not say


class Classified(Task):
    """A row is of one class."""

    teaches = True

    families: dict[str, Listed] = Field(default={})  # of diagnoses, a second thing to learn from
    families_weight: float = Field(default=WEIGHT, gt=0)
    questions: Annotated[Names, among(lambda: QUESTIONS), once_each("a question")] = ()  # likewise
    questions_weight: float = Field(default=WEIGHT, gt=0)  # of each one's loss

    @property
    def known_classes(self) -> tuple[str, ...] | None:
        """The classes, where the recipe says them; None where the rows do."""
        raise NotImplementedError

    def settings(self) -> dict[str, Any]:
        """Without the keys of questions where none is asked: so a network of before stays."""
        unasked = () if self.questions else ("questions", "questions_weight")
        return self.model_dump(mode="json", exclude=set(unasked))

    def check(self, net: NetConfig, training: TrainConfig | None) -> None:
        _check_families(self.families)
        if self.questions_weight != WEIGHT and not self.questions:
            raise ValueError("task.questions_weight changes nothing without task.questions")
        if self.known_classes is not None and training is not None:
            _check_classes(self.known_classes, training)

    def check_found(self, network: str, labels: Labels, training: TrainConfig) -> None:
        try:
            _check_classes(labels.classes, training)
        except ValueError as error:
            raise ConfigError(
                f"networks.{network}: {error}.",
                public=f"networks.{network}: its training does not go with its classes.",
            ) from error

    def outputs(self, labels: Labels) -> int:
        """Two classes need one logit."""
        return 1 if len(labels.classes) == 2 else len(labels.classes)

    def objective(self, labels: Labels, training: TrainConfig) -> "ClassObjective":
        # Here: a recipe is read without torch, which takes seconds to import.
        from models.training.auxiliary import Auxiliary  # noqa: PLC0415
        from models.training.objective import ClassObjective  # noqa: PLC0415

        auxiliary = [
            Auxiliary(one.codes, len(one.classes), one.weight, one_logit=one.is_question)
            for one in labels.auxiliary
        ]
        return ClassObjective(labels.codes, len(labels.classes), training, auxiliary)

    def inner_score(self, watch: Watch, codes: Ints, scores: "Scores", labels: Labels) -> float:
        return watched(watch, codes, scores.probability, labels.classes)

    def called(self, probability: Floats, limit: Floats | None) -> Ints:
        """The most probable."""
        return predicted_class(probability)

    def sheet(
        self, true: Ints, called: Ints, probability: Floats, labels: Labels, patient: Patients,
        config: ScoreConfig,
    ) -> dict[str, Any]:  # fmt: skip
        return network_sheet(true, called, probability, labels.classes, patient, config)

    def auxiliary_in(self, name: str, rows: pl.DataFrame) -> tuple[AuxiliaryTarget, ...]:
        """The families of these rows and their answers, as far as the recipe asks for them."""
        families = families_of(name, rows, self.families, self.families_weight)
        return (*families, *answers_to(rows, self.questions, self.questions_weight))


def _check_classes(classes: tuple[str, ...], training: TrainConfig) -> None:
    """What of a training goes with how many classes, and with their names."""
    if unknown := sorted(set(training.oversample) - set(classes)):
        raise ValueError(f"training.oversample names no class: {', '.join(unknown)}")
    if len(classes) == 2:
        return
    if training.watch == "auc":
        raise ValueError("training.watch='auc' is of two classes; take 'macro_auc' or 'macro_f1'")
    if training.sampling == "balanced" or training.alpha is not None:
        raise ValueError(
            "training.sampling='balanced' and training.alpha are of two classes; take "
            "sampling='shuffled' with class_weights=true, or 'inverse_frequency' without"
        )


def _check_families(families: dict[str, Listed]) -> None:
    refuse_shared("task.families", families)
    if len(families) == 1:
        raise ValueError("task.families needs two of them, or none")
