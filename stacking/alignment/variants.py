"""Ways to stack what networks see, to be held against each other on the same folds.

`make compare` measures them; the recipe's own `[align]` is one more, and the one they are held to.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict

from workspace.choices import Names, Seeds, among

FEW = 16  # components


@dataclass(frozen=True)
class Variant:
    """What differs from the recipe's `[align]`, and who is asked."""

    align: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    trained: bool = True  # the networks that learn
    encoders: bool = False  # those that do not


_SCORES, _NO_SCORES = {"method": "scalars", "scalars": True}, {"scalars": False}
VARIANTS = {
    "tables": Variant(trained=False),
    "scalars": Variant(_SCORES),
    "raw": Variant({"method": "raw", "pca": None}),
    "raw_alone": Variant({"method": "raw", "pca": None, "context": False} | _NO_SCORES),
    "procrustes": Variant({"method": "procrustes"}),
    "ridge": Variant({"method": "ridge"}),
    "ridge_alone": Variant({"method": "ridge", "context": False} | _NO_SCORES),
    "ridge_no_context": Variant({"method": "ridge", "context": False}),
    "ridge_few": Variant({"method": "ridge", "pca": FEW}),
    "relative": Variant({"method": "relative", "pca": None}),
    "frozen": Variant(trained=False, encoders=True),
    "scalars_frozen": Variant(_SCORES, encoders=True),
    "ridge_frozen": Variant({"method": "ridge"}, encoders=True),
}


class CompareConfig(BaseModel):
    """The recipe's `[compare]` section."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    seeds: Seeds = (0, 1, 2)  # of boosters
    variants: Annotated[Names, among(lambda: VARIANTS)] = ()  # none named: all
