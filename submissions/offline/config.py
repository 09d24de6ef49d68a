"""The recipe's `[bundle]` section: what `make bundle` hands out, and for which competition."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from submissions.offline.notebook import COMPETITION, OWNER


class BundleConfig(BaseModel):
    """How a finished run becomes a folder that answers by itself."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    form: Literal["folder", "zip"] = "folder"
    # float16 halves the bundle; scores are then no longer those of `make submission` to the bit.
    # How far they are is measured on pictures of the run, and said.
    weights: Literal["float32", "float16"] = "float32"
    # The notebook's clock: the platform's limit less what its start and its check take. None: no
    # limit, as on a hospital's machine.
    minutes: float | None = Field(default=660.0, gt=1)  # ISIC 2024 gave twelve hours
    owner: str = Field(default=OWNER, pattern=r"^[A-Za-z0-9-]+$")  # of the notebook and data set
    competition: str = Field(default=COMPETITION, pattern=r"^[a-z0-9-]+$")
    gpu: bool = True  # asked of the platform

    @property
    def whole(self) -> bool:
        """Whether weights are as they were learnt."""
        return self.weights == "float32"
