"""The recipe's `[extractors.<name>]` tables: a backbone with a linear head, taught the target.

`[encoders.<name>]` is a backbone that learns nothing.

The defaults are the study guide's: batches of 16 positives and 16 negatives, focal loss with alpha
0.25 and gamma 2, the head a hundred times faster than the backbone. What it leaves open is ours:
ten epochs, a cosine after a tenth of warm-up, three epochs of patience.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from models.nets.config import NetConfig, Rate
from models.training.config import PhaseConfig, Sampling, TrainConfig

Listed = Annotated[tuple[str, ...], Field(strict=False, min_length=1)]
TAUGHT = ("se", "cbam", "se_reduction", "hidden", "dropout", "drop_path", "pace")
GUIDE = PhaseConfig(
    epochs=10, lr=1e-3, schedule="cosine", warm_up=0.1, scale={"backbone": 0.01}, patience=3
)


class ExtractorNet(NetConfig):
    """A backbone as it is and one linear layer; a recipe that states one value keeps the others."""

    backbone: str = Field(
        default="convnextv2_nano.fcmae_ft_in22k_in1k", pattern=r"^[a-zA-Z0-9_.]+$"
    )
    se: bool = False
    cbam: bool = False
    hidden: tuple[Annotated[int, Field(ge=1)], ...] = Field(default=(), strict=False)
    dropout: tuple[Rate, ...] = Field(default=(0.0,), strict=False)


class EncoderConfig(BaseModel):
    """A backbone that is taught nothing here: one for all folds, whose embeddings are stacked."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    net: ExtractorNet = ExtractorNet()

    @model_validator(mode="after")
    def _as_it_came(self) -> Self:
        plain = ExtractorNet()
        added = [n for n in TAUGHT if getattr(self.net, n) != getattr(plain, n)]
        if added:
            raise ValueError(
                f"net.{added[0]} is for networks that learn; an encoder is its backbone alone"
            )
        return self


class ExtractorConfig(TrainConfig):
    """Every picture by the sample table's target; its embeddings are stacked."""

    net: ExtractorNet = ExtractorNet()
    names: tuple[str, str] = Field(default=("benign", "malignant"), strict=False)
    phases: tuple[PhaseConfig, ...] = Field(default=(GUIDE,), strict=False)
    batch_size: int = Field(default=32, ge=1)
    accumulate: int = Field(default=1, ge=1)
    sampling: Sampling = "balanced"
    gamma: float = Field(default=2.0, ge=0)
    alpha: float | None = Field(default=0.25, gt=0, lt=1)
    smoothing: float = Field(default=0.0, ge=0, lt=1)
    class_weights: bool = False
    mixup_probability: float = Field(default=0.0, ge=0, le=1)
    watch: Literal["auc"] = "auc"
    views: Literal["one", "four", "six"] = "one"  # of each picture, their answers averaged
    families: dict[str, Listed] = Field(default={})  # of diagnoses, a second thing to learn from
    auxiliary_weight: float = Field(default=0.3, gt=0)  # of its loss

    @property
    def classes(self) -> tuple[str, ...]:
        return self.names

    @model_validator(mode="before")
    @classmethod
    def _fitting_defaults(cls, values: Any) -> Any:
        """Defaults that a stated value excludes give way to it: TOML cannot say None."""
        if not isinstance(values, dict):
            return values
        fitting: dict[str, Any] = {"alpha": None} if values.get("class_weights") else {}
        if values.get("choose") == "last":
            fitting["phases"] = (GUIDE.model_copy(update={"patience": None}),)
        return fitting | values

    @model_validator(mode="after")
    def _of_two(self) -> Self:
        if len(set(self.names)) != len(self.names):
            raise ValueError("names says the same twice")
        if unknown := sorted(set(self.oversample) - set(self.names)):
            raise ValueError(f"oversample names no class: {', '.join(unknown)}")
        listed = [diagnosis for names in self.families.values() for diagnosis in names]
        if len(set(listed)) != len(listed):
            raise ValueError("families lists one diagnosis twice")
        if len(self.families) == 1:
            raise ValueError("families needs two of them, or none")
        return self
