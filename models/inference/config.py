"""The recipe's section `predict`: what is made of pictures of one's own."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from workspace.choices import Names


class PredictConfig(BaseModel):
    """How `make predict` answers."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    overlays: bool = True  # Grad-CAM beside the scores: a backward pass and a PNG a picture
    networks: Names | None = None  # that answer; None: the cascade's, else all that are finished
    challenge: dict[str, str] = {}  # ISIC's category -> our class, where names do not agree
    unlike: bool = True  # says which pictures are unlike those learnt from
    false_alarms: float = Field(default=0.05, gt=0, lt=1)  # share of held-out rows called unlike
    # Where the run's own pictures lie, which are looked at once; None: where the recipe's data are.
    learnt: Path | None = Field(default=None, strict=False)
