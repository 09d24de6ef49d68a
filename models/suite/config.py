"""What a recipe says of a suite, and what an experiment of it is.

The experiments are data, in recipes/suites/. Each names the one that it changes, what its source
claims, and what it teaches as a comparison that can be measured.
"""

from typing import Annotated, Any, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from folds.split import Scheme
from models.nets.config import HUB, INSTALLED, NONE
from models.networks.config import NetworkConfig
from workspace.choices import Names, Seeds, once_each

Metric = Literal[
    "macro_auc", "balanced_accuracy", "melanoma_recall", "cancer_sensitivity", "accuracy"
]
METRICS: tuple[Metric, ...] = get_args(Metric)
Rule = Literal["mean", "or"]
WEIGHTS_FILE = ".safetensors"
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

    @field_validator("schemes")
    @classmethod
    def _leaks_by_no_purpose(cls, schemes: tuple[Scheme, ...]) -> tuple[Scheme, ...]:
        if "by_image" in schemes:
            raise ValueError(
                "a suite's validation and test rows are reported together, and by_image leaks on "
                "purpose; 'make distill' shows what that is worth"
            )
        return schemes

    @field_validator("imagenet")
    @classmethod
    def _weights_there_are(cls, weights: str) -> str:
        if weights != HUB and not weights.endswith(WEIGHTS_FILE):
            raise ValueError(
                f"experiments stand under ImageNet's name by it; take {HUB!r}, or a {WEIGHTS_FILE} "
                "file of a ResNet-18"
            )
        return weights


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

    def check(self, number: str) -> None:
        """A ValueError for a network that a suite cannot hold against the others."""
        if self.network.teacher is not None:
            raise ValueError(
                f"experiments.{number} has a teacher, and experiments learn from labels alone; "
                "leave network.teacher out, or take 'make distill'"
            )
        if self.network.net.weight_bits is not None:
            raise ValueError(
                f"experiments.{number} learns in few bits, which begins with another network, and "
                "experiments begin with none of a recipe's; leave network.net.weight_bits out, or "
                "take 'make distill'"
            )
        weights = self.network.net.weights
        if weights.isidentifier() and weights not in (HUB, INSTALLED, NONE):
            raise ValueError(
                f"experiments.{number} begins with {weights!r}, and experiments begin with none of "
                f"a recipe's networks; take {IMAGENET!r}, {HUB!r}, {INSTALLED!r}, {NONE!r} or a "
                f"{WEIGHTS_FILE} file in network.net.weights"
            )
        training = self.network.training
        if training is not None and training.choose != "last":
            raise ValueError(
                f"experiments.{number} has network.training.choose={training.choose!r}, and a "
                "suite looks at validation rows for thresholds alone, since it reports them with "
                "the test; take 'last', without patience or schedule='plateau'"
            )


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
            experiment.check(number)
            if lacking := [one.than for one in experiment.lessons if one.than not in known]:
                raise ValueError(
                    f"experiments.{number} is held against {lacking[0]}, which is not there"
                )
        for name, ensemble in self.ensembles.items():
            if lacking := [one for one in ensemble.members if one not in known]:
                raise ValueError(f"ensembles.{name} has member {lacking[0]}, which is not there")
        return self
