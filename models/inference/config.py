"""The recipe's section `predict`: what is made of pictures of one's own."""

from pydantic import BaseModel, ConfigDict

from workspace.choices import Names


class PredictConfig(BaseModel):
    """How `make predict IMAGES=folder` answers."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    overlays: bool = True  # Grad-CAM beside the scores: a backward pass and a PNG a picture
    networks: Names | None = None  # that answer; None: the cascade's, else all that are finished
    challenge: dict[str, str] = {}  # ISIC's category -> our class, where names do not agree
