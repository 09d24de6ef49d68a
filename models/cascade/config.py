"""The recipe's sections `stage1` and `stage2`: what each is taught, and how.

The defaults are those of the two-stage paper. Class lists come from the recipe; which of them is a
cancer is never written here.
"""

from collections.abc import Collection, Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from models.input.config import SECOND, AugmentConfig, Probability
from models.training.config import PhaseConfig, Sampling, TrainConfig, Watch, phases

Listed = Annotated[tuple[str, ...], Field(strict=False, min_length=1)]


class Stage2Augment(AugmentConfig):
    """The paper's table for stage 2: a recipe that states one value keeps the others."""

    gray_world_p: Probability = SECOND.gray_world_p
    clahe_p: Probability = SECOND.clahe_p
    clahe_vascular_clip: float = Field(SECOND.clahe_vascular_clip, gt=0)
    hue: float = Field(SECOND.hue, ge=0, le=0.5)
    hair_p: Probability = SECOND.hair_p
    noise_p: Probability = SECOND.noise_p


class Stage1Config(TrainConfig):
    """Every picture, by the sample table's target."""

    names: tuple[str, str] = Field(default=("benign", "malignant"), strict=False)
    threshold: Literal["youden", "accuracy"] = "youden"  # what is greatest on the inner rows
    choose: Literal["inner"] = "inner"  # without inner rows there is no threshold
    phases: tuple[PhaseConfig, ...] = Field(default=phases(10, 30, 20, patience=20), strict=False)
    sampling: Sampling = "inverse_frequency"

    @property
    def classes(self) -> tuple[str, ...]:
        return self.names

    @model_validator(mode="after")
    def _has_them(self) -> Self:
        _check_oversample(self.oversample, self.names)
        if len(set(self.names)) != len(self.names):
            raise ValueError("names says the same twice")
        return self


class Stage2Config(TrainConfig):
    """Pictures with target 1, by their diagnosis.

    A class lists diagnoses; one that is a path, as ISIC 2024 has them (`A::B::C`), belongs to the
    class that lists it whole or lists one of its steps.
    """

    diagnoses: dict[str, Listed] = Field(default={})
    phases: tuple[PhaseConfig, ...] = Field(default=phases(10, 40, 30, patience=25), strict=False)
    watch: Watch = "macro_f1"
    augment: Stage2Augment = Stage2Augment()
    views: Literal["one", "six"] = "six"  # of each picture, averaged
    choose: Literal["inner"] = "inner"

    @property
    def classes(self) -> tuple[str, ...]:
        """In the recipe's order, which is that of the network's outputs."""
        return tuple(self.diagnoses)

    @model_validator(mode="after")
    def _apart(self) -> Self:
        listed = [diagnosis for names in self.diagnoses.values() for diagnosis in names]
        if len(set(listed)) != len(listed):
            raise ValueError("diagnoses lists one for two classes")
        if len(self.diagnoses) == 1:
            raise ValueError("diagnoses needs two classes, or none to leave stage 2 out")
        _check_oversample(self.oversample, self.classes)
        if self.watch == "auc" and len(self.diagnoses) > 2:
            raise ValueError("watch='auc' is of two classes; take watch='macro_f1'")
        if len(self.diagnoses) > 2 and (self.sampling == "balanced" or self.alpha is not None):
            raise ValueError("sampling='balanced' and alpha are of two classes; leave them out")
        return self


def _check_oversample(times: Mapping[str, float], classes: Collection[str]) -> None:
    unknown = sorted(set(times) - set(classes))
    if unknown:
        raise ValueError(f"oversample names no class: {', '.join(unknown)}")
