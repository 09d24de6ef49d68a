"""The recipe's `[distill.study]`: which values of a taught student are tried, and what they mean.

The space is that of the distillation source, by its own words; `loss` is `training.gamma` and
`training.alpha`, `weight` is the teacher's. A student's own values are always within reach, and
whatever a trial leaves as it is stays as the recipe says it.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from models.nets.config import NetConfig, Rate
from models.networks.config import NetworkConfig
from models.networks.teacher import TeacherConfig
from models.training.config import TrainConfig
from workspace.choices import once_each
from workspace.errors import ConfigError
from workspace.lazy import LazyModule

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

optuna_distributions = LazyModule("optuna.distributions")

_STRICT = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)
Value = TypeVar("Value")
Several = Annotated[tuple[Value, ...], Field(strict=False), once_each("a value")]
Positive = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Values = Mapping[str, Any]  # of a trial, by the words of StudyConfig
MOST = 100_000  # combinations of a grid; more would be tried for years
AVERAGE = "avg"  # how timm's convolutional networks pool where a recipe says nothing


class Between(BaseModel):
    """Any value from low to high."""

    model_config = _STRICT

    low: float = Field(ge=0)
    high: float

    @model_validator(mode="after")
    def _is_a_range(self) -> Self:
        if self.low >= self.high:
            raise ValueError(f"low={self.low} is not below high={self.high}")
        return self


class Loss(BaseModel):
    """Cross entropy; by alpha weighted for positives, by gamma focal."""

    model_config = _STRICT

    gamma: float = Field(default=0.0, ge=0)
    alpha: float | None = Field(default=None, gt=0, lt=1)

    @property
    def word(self) -> str:
        said = [f"gamma {self.gamma}"] if self.gamma else []
        said += [] if self.alpha is None else [f"alpha {self.alpha}"]
        return ", ".join(said) or "cross entropy"


class StudyConfig(BaseModel):
    """What is tried of which student, how often. An empty list: that stays as the recipe says."""

    model_config = _STRICT

    trials: int = Field(default=0, ge=0, le=MOST)  # TRIALS= instead; 0: no study
    network: str | None = None  # of distill.networks; None: the first that has a teacher
    sampler: Literal["tpe", "grid"] = "tpe"
    random: int = Field(default=10, ge=1)  # tpe: trials at random before the search begins
    # Trials at a time: the search learns from what is finished, so that others are other trials.
    at_once: int = Field(default=1, ge=1, le=1000)
    temperature: Several[Positive] = (1.0, 2.0)
    weight: Several[Share] = (0.1, 0.5, 0.7, 0.9)  # of what the teacher says
    loss: Several[Loss] = (
        Loss(), Loss(alpha=0.6), Loss(alpha=0.7), Loss(alpha=0.8),
        Loss(gamma=1.0), Loss(gamma=2.0), Loss(gamma=4.0),
    )  # fmt: skip
    pooling: Several[str] = ("max", "avg")
    lr: Between | Several[Positive] = Between(low=1e-5, high=1e-2)  # by factors; of the fastest
    batch_size: Several[Annotated[int, Field(ge=1)]] = (16, 32, 64, 128, 256)
    dropout: Between | Several[Rate] = Between(low=0.1, high=0.5)  # the head's highest

    @model_validator(mode="after")
    def _possible(self) -> Self:
        listed = [len(one) for one in self.space.values() if not isinstance(one, Between)]
        if not listed and not self._ranges:
            raise ValueError("tries nothing; give one of its lists more than one value")
        if isinstance(self.lr, Between) and not self.lr.low:
            raise ValueError("lr.low must be above 0: rates are searched by factors")
        if isinstance(self.dropout, Between) and self.dropout.high >= 1:
            raise ValueError("dropout.high must be below 1: something must be left to learn from")
        if self.sampler == "grid":
            self._is_a_grid(listed)
        return self

    def _is_a_grid(self, listed: Sequence[int]) -> None:
        if self._ranges:
            raise ValueError(
                f"sampler='grid' needs listed values; {' and '.join(self._ranges)} "
                f"{'is a range' if len(self._ranges) == 1 else 'are ranges'}: write for example "
                "lr = [1e-4, 1e-3, 1e-2] and dropout = [0.1, 0.3, 0.5]"
            )
        count = 1
        for length in listed:
            count *= length
        if count > MOST:
            raise ValueError(f"has a grid of {count:,} combinations; list fewer ({MOST:,} at most)")

    @property
    def space(self) -> dict[str, Any]:
        """What is tried: a list or a range by its word."""
        words = ("temperature", "weight", "loss", "pooling", "lr", "batch_size", "dropout")
        every = {word: getattr(self, word) for word in words}
        every["loss"] = tuple(one.word for one in self.loss)
        return {word: one for word, one in every.items() if one != ()}

    @property
    def _ranges(self) -> list[str]:
        return [word for word, one in self.space.items() if isinstance(one, Between)]


@dataclass(frozen=True)
class StudentSpace:
    """Where values of a student are looked for, and its own."""

    name: str
    student: NetworkConfig
    config: StudyConfig
    seed: int  # by which a grid is put into an order

    worth: ClassVar[str] = "auc"

    @cached_property
    def own(self) -> dict[str, Any]:
        """The student's own values, of what is tried."""
        net, training, teacher = self.student.net, self.student.learning, self.student.teacher
        assert teacher is not None, "it has a teacher"
        values = {
            "temperature": teacher.temperature, "weight": teacher.weight, "loss": self._loss.word,
            "pooling": net.options.get("global_pool", AVERAGE),
            "lr": max(phase.lr for phase in training.phases),
            "batch_size": training.batch_size, "dropout": max(net.dropout),
        }  # fmt: skip
        return {word: values[word] for word in self.config.space}

    @cached_property
    def grid(self) -> tuple[Values, ...]:
        """The student's own values, then every other combination once; none of a search.

        In an order drawn by the seed, so that the first few are not all of one corner.
        """
        if self.config.sampler != "grid":
            return ()
        space = self.config.space
        every = [dict(zip(space, one, strict=True)) for one in product(*space.values())]
        random.Random(self.seed).shuffle(every)  # noqa: S311 - an order, no secret
        return (self.own, *(one for one in every if one != self.own))

    def distributions(self) -> "dict[str, BaseDistribution]":
        """In Optuna's words; the student's own values are within reach."""
        return {word: self._distribution(word, one) for word, one in self.config.space.items()}

    def _distribution(self, word: str, one: Any) -> "BaseDistribution":
        own, made = self.own[word], optuna_distributions
        if isinstance(one, Between):
            low, high = min(one.low, own), max(one.high, own)
            tried: BaseDistribution = made.FloatDistribution(low, high, log=word == "lr")
        else:
            tried = made.CategoricalDistribution(one if own in one else (*one, own))
        return tried

    def words(self) -> list[str]:
        """Each value with where it is looked for: what two studies must have in common."""
        said = []
        for word, one in self.config.space.items():
            where = f"{one.low!r}..{one.high!r}" if isinstance(one, Between) else list(one)
            said.append(f"{word} {where}")
        return sorted(said)

    def network(self, values: Values) -> NetworkConfig:
        """The student of these values; a ConfigError where they do not go with the rest of it."""
        new = {word: value for word, value in values.items() if value != self.own[word]}
        try:
            return self.student.model_copy(
                update={
                    "teacher": self._teacher(new),
                    "training": self._training(new),
                    "net": self._net(new),
                }
            )
        except ValidationError as error:
            what = ", ".join(f"{word}={value}" for word, value in new.items())
            why = error.errors()[0]["msg"].removeprefix("Value error, ")
            raise ConfigError(
                f"distill.study cannot try {what} with networks.{self.name}: {why}."
            ) from error

    def check(self) -> None:
        """A ConfigError for a value that the student cannot have, before any is tried."""
        if "dropout" in self.own and any(one.dropout for one in self.student.learning.phases):
            raise ConfigError(
                f"networks.{self.name}.training.phases state a dropout of their own, and "
                "distill.study.dropout would change nothing; take dropout=[], or leave theirs out."
            )
        for word, one in self.config.space.items():
            for value in (one.low, one.high) if isinstance(one, Between) else one:
                self.network({**self.own, word: value})

    @property
    def nets(self) -> list[NetConfig]:
        """Every net that another one is built as: by how it pools."""
        pools = self.config.space.get("pooling", (None,))
        return [self.network({**self.own, **({"pooling": p} if p else {})}).net for p in pools]

    @property
    def _loss(self) -> Loss:
        training = self.student.learning
        return Loss(gamma=training.gamma, alpha=training.alpha)

    def _teacher(self, new: Values) -> TeacherConfig | None:
        teacher = self.student.teacher
        assert teacher is not None, "it has a teacher"
        said = {word: new[word] for word in ("temperature", "weight") if word in new}
        return teacher.model_copy(update=said)

    def _training(self, new: Values) -> TrainConfig:
        training = self.student.learning
        values = training.model_dump()
        if "loss" in new:
            known = {one.word: one for one in (*self.config.loss, self._loss)}
            values |= known[new["loss"]].model_dump()
        if "lr" in new:  # slower phases stay as much slower
            for phase in values["phases"]:
                phase["lr"] = _in_proportion(phase["lr"], self.own["lr"], new["lr"])
        values |= {word: new[word] for word in ("batch_size",) if word in new}
        return TrainConfig.model_validate(values)

    def _net(self, new: Values) -> NetConfig:
        net = self.student.net
        values = net.model_dump()
        if "dropout" in new:
            both = self.own["dropout"], new["dropout"]
            values["dropout"] = tuple(_in_proportion(one, *both) for one in net.dropout)
        if "pooling" in new:
            values["options"] = {**net.options, "global_pool": new["pooling"]}
        return NetConfig.model_validate(values)


def _in_proportion(one: float, own: float, new: float) -> float:
    """What becomes of `one` where the greatest of its like is not `own` any more."""
    return new if one == own else one * new / own
