"""How a kept network is used: what lies beside its weights, read without torch.

`use.json` holds the network's configuration, the classes in the order of its outputs, size, mean
and std of its pictures, the threshold. Labels are compared by name before a weight is read.
"""

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, Field

from models.nets.config import NetConfig
from models.networks.names import HeldOut
from workspace.errors import ArtifactError
from workspace.hashing import sha256_text
from workspace.units import Unit

HALF = "half.safetensors"  # in a bundle, in place of the best weights: the same in 16 bits
USE, BEST, LAST, HISTORY = "use.json", "best.safetensors", "last.safetensors", "history.json"


class Use(BaseModel):
    """All that is needed to use a fold's network, but its weights."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    # As the file has them: its hash names the network in every table that comes of it.
    network: str = Field(alias="stage")
    held_out: HeldOut | None = Field(alias="fold")  # None: it learnt from no fold; (): from all
    classes: tuple[str, ...]
    net: NetConfig
    views: tuple[str, ...]
    bfloat16: bool  # how the held-out rows were scored; other rows must be scored alike
    threshold: float | None
    last_threshold: float | None
    best_epoch: int
    inner_score: float | None  # None: nothing was chosen, best and last are the same


def use_of(unit: Unit, classes: Sequence[str] | None = None) -> Use:
    """How a kept network is used; `classes` are those the caller will name its outputs by."""
    use = Use.model_validate(unit.json(USE))
    if classes is not None and tuple(classes) != use.classes:
        raise ArtifactError(
            f"{unit.folder} was trained on the classes {', '.join(use.classes)}, in this order; "
            f"asked for are {', '.join(classes)}. Restore the recipe, or run 'make train-cnn "
            "FRESH=1'."
        )
    return use


def maker_of(unit: Unit) -> str:
    """One hash for a kept network: its weights and how they are used."""
    return sha256_text(f"{unit.sha256(BEST)} {unit.sha256(USE)}")
