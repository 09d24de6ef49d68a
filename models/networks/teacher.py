"""Of whom else a network learns: `[networks.<name>.teacher]`, another network of the recipe.

Knowledge distillation (Hinton et al. 2015), offline: what the teacher says of the pictures that
both may learn from is kept once a fold, and the student's loss is made of that and of the labels.
The teacher left out what the student leaves out.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from models.networks.config import NetworkConfig


class TeacherConfig(BaseModel):
    """Who, how softly, and how much it counts."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    network: str
    # Logits of both are divided by it: the higher, the more the teacher says of the unlikely.
    temperature: float = Field(default=2.0, gt=0)
    weight: float = Field(default=0.5, ge=0, le=1)  # of its part of the loss; labels have the rest
    views: Literal["one", "four", "six"] = "one"  # of each picture that it is asked about

    def settings(self) -> dict[str, Any]:
        """For a manifest; whose word it is, its hash says."""
        return {"temperature": self.temperature, "weight": self.weight}


def check_teacher(
    name: str, networks: Mapping[str, "NetworkConfig"], used: Mapping[str, "NetworkConfig"]
) -> None:
    """A ValueError where a network names a teacher that cannot teach it."""
    student = networks[name]
    if student.teacher is None:
        return
    whom = student.teacher.network
    where = f"networks.{name}.teacher.network is {whom!r}"
    others = [other for other in networks if other != name]
    if whom not in others:
        raise ValueError(f"{where}; take another network of the recipe ({', '.join(others)})")
    teacher = networks[whom]
    if not teacher.task.teaches:
        raise ValueError(
            f"{where}, whose task.kind={teacher.task.kind!r} gives no class a probability; take "
            "one that does"
        )
    if teacher.teacher is not None:
        raise ValueError(f"{where}, which has a teacher itself; name that one")
    if teacher.net.weights == name:
        raise ValueError(
            f"{where}, which begins with the weights of {name}; take one that is made before it"
        )
    if name in used and whom not in used:
        raise ValueError(f"{where}, which use_networks leaves out; list it too")
