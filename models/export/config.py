"""The recipe's `[export]` section: which network is handed out, and by what it decides."""

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from models.nets.config import BITS, Precision
from workspace.errors import ConfigError

# How far probabilities may be from the library's: any of them, and on average. In few bits the last
# bit of a sum decides between two values of a layer's input, and so on from layer to layer: the
# library asked by ones is as far from the library asked by batches (docs/decisions/0031).
BOUND: dict[Precision, tuple[float, float]] = {
    "float32": (1e-4, 1e-4), "float16": (1e-2, 1e-2), "int8": (0.5, 0.05), "int4": (0.5, 0.05),
}  # fmt: skip


class ExportConfig(BaseModel):
    """How `make export` makes a bundle."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    network: str | None = None  # of the run; None: the first that says something of the target
    fold: int | None = Field(default=None, ge=0)  # whose network; None: the first
    sensitivity: float = Field(default=0.95, gt=0, le=1)  # for which the threshold is chosen
    false_alarms: float = Field(default=0.05, gt=0, lt=1)  # pictures called unlike those learnt
    # Of the probability; platt: a map of its log odds, fitted on the rows that choose.
    calibration: Literal["none", "platt"] = "none"
    # Of the weights on disk. None: as they were learnt, which is float32 or net.weight_bits; fewer
    # bits than that are rounded to, by ranges of pictures that were learnt from.
    precision: Precision | None = None
    # The unpacked npm package onnxruntime-web, for the page; None: no page.
    runtime: Path | None = Field(default=None, strict=False)

    def settings(self) -> dict[str, Any]:
        """For a manifest; where the runtime lies changes nothing, whether there is one does."""
        settings = self.model_dump(mode="json", exclude={"network", "fold", "runtime"})
        return settings | {"precision": self.precision or "float32"}  # as it was said before

    def precision_of(self, network: str, weight_bits: int | None) -> Precision:
        """In what a network of so many bits is handed out; refused, if it has no such weights."""
        own: Precision = next((n for n, bits in BITS.items() if bits == weight_bits), "float32")
        if weight_bits is not None and self.precision not in (None, own):
            raise ConfigError(
                f"export.precision is {self.precision} and {network} learnt to live with {own} "
                f"(net.weight_bits={weight_bits}); leave export.precision out, or name another "
                "export.network."
            )
        return self.precision or own
