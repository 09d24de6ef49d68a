"""What a recipe says of a suite, and what an experiment of it is.

The experiments are data, in recipes/suites/. Each names the one that it changes, what its source
claims, and what it teaches as a comparison that can be measured.
"""

from typing import Annotated, Any, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

from folds.split import Scheme
from models.nets.config import HUB
from models.networks.config import NetworkConfig
from workspace.choices import Names, Seeds, once_each

Metric = Literal[
    "macro_auc", "balanced_accuracy", "melanoma_recall", "cancer_sensitivity", "accuracy"
]
METRICS: tuple[Metric, ...] = get_args(Metric)
Rule = Literal["mean", "or"]
IMAGENET = "imagenet"  # as an experiment's net.weights: those that suite.imagenet names

_STRICT = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class SuiteConfig(BaseModel):
    """The recipe's `[suite]`."""

    model_config = _STRICT

    experiments: str = "dermamnist"  # of recipes/suites/, or a path
    only: Annotated[Names, once_each("an experiment")] = ()  # these; none named: all
    seeds: Seeds = (0, 1, 2)
    # On which splits; the first one's scores order the page.
    schemes: tuple[Scheme, ...] = Field(default=("official",), min_length=1, strict=False)
    imagenet: str = HUB  # or a .safetensors file of a ResNet-18
    melanoma: str = "mel"  # the diagnosis whose recall is watched
    # Of cancers among the validation pictures: by it the thresholds are set that flag a picture.
    sensitivity: float = Field(default=0.9, gt=0, lt=1)


class Lesson(BaseModel):
    """What an experiment teaches: its metric is higher, or lower, than another's."""

    model_config = _STRICT

    says: str
    than: str
    metric: Metric
    better: Literal["higher", "lower"] = "higher"


class Experiment(BaseModel):
    """One network of a suite, with what is said of it."""

    model_config = _STRICT

    title: str
    changed: str
    teaches: str
    of: str | None = None  # the experiment that it changes
    claims: dict[Metric, float] = {}  # the source's
    lessons: tuple[Lesson, ...] = Field(default=(), strict=False)
    network: NetworkConfig


class Ensemble(BaseModel):
    """Experiments that answer together."""

    model_config = _STRICT

    title: str
    members: tuple[str, ...] = Field(strict=False, min_length=2)
    rule: Rule


class Suite(BaseModel):
    """The experiments by number, and the ensembles by name."""

    model_config = _STRICT

    title: str
    experiments: dict[str, Experiment]
    ensembles: dict[str, Ensemble] = {}

    def said(self) -> dict[str, Any]:
        """All but the networks: what is said of them, and what is held against what."""
        return self.model_dump(mode="json", exclude={"experiments": {"__all__": {"network"}}})

    @model_validator(mode="after")
    def _names_what_is_there(self) -> Self:
        known = self.experiments
        for number, experiment in known.items():
            if experiment.network.teacher is not None:
                raise ValueError(
                    f"experiments.{number} has a teacher, and experiments learn from labels alone; "
                    "leave network.teacher out, or take 'make distill'"
                )
            if lacking := [one.than for one in experiment.lessons if one.than not in known]:
                raise ValueError(
                    f"experiments.{number} is held against {lacking[0]}, which is not there"
                )
        for name, ensemble in self.ensembles.items():
            if lacking := [one for one in ensemble.members if one not in known]:
                raise ValueError(f"ensembles.{name} has member {lacking[0]}, which is not there")
        return self
