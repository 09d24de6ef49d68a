"""The recipe's `[net]` section: which backbone, whose weights, what attention, what head.

Defaults are those of the two-stage paper; the hidden widths are ours, it does not state them.
"""

from typing import Annotated, Any, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

from workspace.settings import said_since

Rate = Annotated[float, Field(ge=0, lt=1)]
Channels = Annotated[tuple[float, float, float], Field(strict=False)]
Part = Literal["backbone", "attention", "head"]
Bits = Literal[4, 8]
Precision = Literal["float32", "float16", "int8", "int4"]  # of weights that are kept
BITS: dict[Precision, Bits] = {"int8": 8, "int4": 4}
PARTS: tuple[Part, ...] = get_args(Part)
HUB, INSTALLED, NONE = "hub", "installed", "none"
# How gates of attention are computed, for settings: what began otherwise is not gone on with.
GATES = "begin at 1"
SINCE = frozenset({"head_norm", "weight_bits"})  # keys that came later, for manifests
# Options of timm's create_model that this project sets itself.
OWN = frozenset(
    {"model_name", "pretrained", "pretrained_cfg", "pretrained_cfg_overlay", "checkpoint_path"}
    | {"num_classes", "drop_rate", "drop_path_rate", "features_only", "img_size", "in_chans"}
)


class NetConfig(BaseModel):
    """A network but for how many logits it has, which the classes decide."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    backbone: str = Field(default="convnext_tiny.fb_in22k_ft_in1k", pattern=r"^[a-zA-Z0-9_.]+$")
    # "hub": by the backbone's name; "installed": from a package that the lock brings, for
    # EfficientNet-Lite0 and 2; "none": random; else a .safetensors file.
    weights: str = HUB
    sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")  # of the weights' file
    size: int | None = Field(default=None, ge=16, le=2048)  # px; None: the backbone's own
    mean: Channels | None = None  # None: the backbone's own; for files that know other ones
    std: Channels | None = None
    se: bool = True  # after each of the last four feature stages
    cbam: bool = True  # after the second and fourth of them
    se_reduction: int = Field(default=16, ge=1)  # never fewer than 8 hidden channels
    hidden: tuple[Annotated[int, Field(ge=1)], ...] = Field(default=(512, 256), strict=False)
    dropout: tuple[Rate, ...] = Field(default=(0.25, 0.15, 0.10), strict=False)
    head_norm: bool = True  # LayerNorm before each layer of the head
    drop_path: Rate = 0.0
    # Weights of so few bits, and inputs of layers in 8, which another network learns to live with:
    # the one that `weights` names, of which it takes all.
    weight_bits: Bits | None = None
    pace: Literal["exact", "fast"] = "exact"  # of scoring; fast: bfloat16 where the machine has it
    # That compute it on a CPU; None: by its work (models/nets/work.py). Others round otherwise.
    threads: int | None = Field(default=None, ge=1, le=256)
    options: dict[str, bool | int | float | str] = {}  # of timm's create_model: pad_type="same"

    def settings(self) -> dict[str, Any]:
        """For a manifest; where the weights lie changes nothing, what they are is an input."""
        return said_since(self, SINCE, {"weights"})

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if len(self.dropout) != len(self.hidden) + 1:
            raise ValueError(
                f"dropout has {len(self.dropout)} rates for {len(self.hidden)} hidden widths; "
                "give one more rate than widths"
            )
        if taken := sorted(OWN & self.options.keys()):
            raise ValueError(f"options.{taken[0]} is set by this project; leave it out")
        if self.sha256 is not None and self.weights in (NONE, INSTALLED):
            raise ValueError(
                f"sha256 is of a weights' file, and weights is {self.weights!r}; drop one"
            )
        return self
