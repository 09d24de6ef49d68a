"""The recipe's `[networks.<name>]` tables: what a network is, what it learns, and how.

One kind for all: what differs is said by `task`. Defaults for one purpose or another (the stages of
a cascade, an extractor, an encoder) are data, in recipes/networks/, which a table names as `base`.
"""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, SerializeAsAny, model_validator

from models.input.config import AugmentConfig
from models.nets.config import NetConfig
from models.networks.tasks.registry import task_of
from models.networks.tasks.task import Task
from models.networks.teacher import TeacherConfig
from models.training.config import TrainConfig


class NetworkConfig(BaseModel):
    """One network of a recipe."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    net: NetConfig = NetConfig()
    task: Annotated[SerializeAsAny[Task], BeforeValidator(task_of)]
    training: TrainConfig | None = None  # None: it learns nothing
    teacher: TeacherConfig | None = None  # of whom it learns besides the labels
    augment: AugmentConfig = AugmentConfig()  # of training pictures
    views: Literal["one", "four", "six"] = "one"  # of each picture, their answers averaged
    claim: str | None = None  # what others claim of such a network, shown beside ours
    source_only: bool = False  # beside it, what size and colours of a picture say of the target

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        if self.task.learns and self.training is None:
            raise ValueError(
                "it has no training; state its phases, or name a base such as 'extractor'"
            )
        if self.source_only and not self.task.of_target:
            raise ValueError("source_only is of networks that learn the target; leave it out")
        if self.teacher is not None and not self.task.teaches:
            raise ValueError(
                f"teacher says how probable classes are, and task.kind={self.task.kind!r} has "
                "none; leave it out"
            )
        if not self.task.learns:
            self._learns_nothing()
        if self.task.is_beginning:
            self._refuse_idle({"views": self.views != "one", "claim": self.claim is not None})
        if self.training is not None and self.training.watch not in self.task.watches:
            raise ValueError(
                f"training.watch={self.training.watch!r} says nothing of task.kind="
                f"{self.task.kind!r}; take {' or '.join(map(repr, self.task.watches))}"
            )
        self.task.check(self.net, self.training)
        if self.task.is_beginning and self.augment.kind == "none":
            raise ValueError(
                "augment.kind='none' shows the same picture twice, from which nothing is learnt; "
                "take 'fast'"
            )
        return self

    def _learns_nothing(self) -> None:
        asked = {
            "training": self.training is not None,
            "augment": self.augment != AugmentConfig(),
            "views": self.views != "one",
        }
        self._refuse_idle(asked)

    def _refuse_idle(self, asked: dict[str, bool]) -> None:
        """What is asked for and changes nothing."""
        idle = [name for name, is_asked in asked.items() if is_asked]
        if idle:
            raise ValueError(
                f"{idle[0]} changes nothing where task.kind={self.task.kind!r}; leave it out"
            )

    @property
    def learning(self) -> TrainConfig:
        """Its training, of one that learns."""
        assert self.training is not None, "it learns nothing"
        return self.training
