"""The recipe's `[export]` section: which network is handed out, and by what it decides."""

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

BOUND = {"float32": 1e-4, "float16": 1e-2}  # how far a probability may be from the library's


class ExportConfig(BaseModel):
    """How `make export` makes a bundle."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    network: str | None = None  # of the run; None: the first that says something of the target
    fold: int | None = Field(default=None, ge=0)  # whose network; None: the first
    sensitivity: float = Field(default=0.95, gt=0, le=1)  # for which the threshold is chosen
    false_alarms: float = Field(default=0.05, gt=0, lt=1)  # pictures called unlike those learnt
    # Of the probability; platt: a map of its log odds, fitted on the rows that choose.
    calibration: Literal["none", "platt"] = "none"
    precision: Literal["float32", "float16"] = "float32"  # of the weights on disk
    # The unpacked npm package onnxruntime-web, for the page; None: no page.
    runtime: Path | None = Field(default=None, strict=False)

    def settings(self) -> dict[str, Any]:
        """For a manifest; where the runtime lies changes nothing, whether there is one does."""
        return self.model_dump(mode="json", exclude={"network", "fold", "runtime"})
