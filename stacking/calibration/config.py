"""The recipe's `[calibration]` section."""

from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

Method = Literal["platt", "beta", "temperature", "isotonic"]
METHODS: tuple[Method, ...] = get_args(Method)


class CalibrationConfig(BaseModel):
    """Every method is measured whatever is handed out."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    # What `submission` and `predict` hand out as probabilities; none: the scores as they are.
    method: Literal["none", "platt", "beta", "temperature", "isotonic"] = "none"
    # The share of positives where the scores are to be read; None: that of the training rows.
    prevalence: float | None = Field(default=None, gt=0, lt=1)
