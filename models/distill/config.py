"""The recipe's `[distill]`: a teacher, students alone and taught, on a holdout, over seeds.

Which networks there are, and who teaches whom, `[networks]` says; here is which of them are trained
and held against which, and what an image split is to be shown of.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from models.distill.study import StudyConfig
from models.networks.config import NetworkConfig
from workspace.choices import Names, Seeds, once_each
from workspace.settings import said_since

Baseline = Literal["logistic_regression", "gradient_boosting", "random_forest"]
BASELINES: tuple[Baseline, ...] = get_args(Baseline)
Fewer = Literal["float16", "int8", "int4"]  # precisions that a trained network is rounded to
FEWER: tuple[Fewer, ...] = get_args(Fewer)
Sides = Literal["holdout", "by_lesion", "corrected"]  # train, validation, test; no group on two
SINCE = frozenset({"rounded", "precisions"})  # keys that came later, for manifests
Share = Annotated[float, Field(gt=0, le=1)]


class DistillConfig(BaseModel):
    """Which networks, held against which, over what luck."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    # Of the recipe, in this order; none named: those of the run that learn the target.
    networks: Annotated[Names, once_each("a network")] = ()
    reference: str | None = None  # what all others are held against; None: the first
    against: dict[str, str] = {}  # a network that is held against another one than that
    seeds: Seeds = (0, 1, 2)
    sensitivity: float = Field(default=0.95, gt=0, lt=1)  # on validation rows, by each seed
    baselines: Annotated[
        tuple[Baseline, ...], Field(strict=False), once_each("a baseline")
    ] = BASELINES  # fmt: skip
    scheme: Sides = "holdout"
    # These are trained on a split by image too, which shows what its leak is worth.
    by_image: Annotated[Names, once_each("a network")] = ()
    # These stand there rounded after training too, in each of these precisions.
    rounded: Annotated[Names, once_each("a network")] = ()
    precisions: Annotated[
        tuple[Fewer, ...], Field(strict=False), once_each("a precision")
    ] = FEWER  # fmt: skip
    # Of all answers, the most certain; how certain that is, validation rows say.
    kept: Annotated[
        tuple[Share, ...], Field(min_length=1, strict=False), once_each("a share")
    ] = (1.0, 0.95, 0.9, 0.8, 0.7, 0.6, 0.5)  # fmt: skip
    study: StudyConfig = StudyConfig()  # of better values for one student

    def than(self, name: str, names: tuple[str, ...]) -> str | None:
        """What this one is held against; nothing, if it is the reference itself."""
        other = self.against.get(name, self.reference or names[0])
        return None if other == name else other

    def settings(self) -> dict[str, Any]:
        """For a manifest; a study's values are in what it found."""
        return said_since(self, SINCE, {"study"})

    def check(self, known: Mapping[str, NetworkConfig]) -> None:
        """A ValueError for names that are not there, or no networks of the target."""
        if unknown := [name for name in self.networks if name not in known]:
            raise ValueError(
                f"distill.networks names {unknown[0]!r}; there are {', '.join(known) or 'none'}"
            )
        if other := [name for name in self.networks if not known[name].task.of_target]:
            raise ValueError(
                f"distill.networks names {other[0]!r}, which does not learn the target; take "
                "networks of task.kind='target'"
            )
        named = {
            "reference": [] if self.reference is None else [self.reference],
            "against": [*self.against, *self.against.values()],
            "by_image": self.by_image,
            "rounded": self.rounded,
            "study.network": [] if self.study.network is None else [self.study.network],
        }
        asked = self.networks or tuple(name for name, one in known.items() if one.task.of_target)
        if like := [name for name in asked if name in BASELINES]:
            raise ValueError(f"networks.{like[0]} has the name of a baseline of distill; rename it")
        if itself := [name for name, than in self.against.items() if name == than]:
            raise ValueError(f"distill.against holds {itself[0]!r} against itself; name another")
        for key, names in named.items():
            if odd := [name for name in names if name not in asked]:
                raise ValueError(f"distill.{key} names {odd[0]!r}, which distill.networks does not")
        if few := [name for name in self.rounded if known[name].net.weight_bits is not None]:
            raise ValueError(
                f"distill.rounded names {few[0]!r}, which learns in few bits (net.weight_bits); "
                "name networks that have all their bits"
            )
