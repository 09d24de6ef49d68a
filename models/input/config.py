"""The recipe's augmentation: the paper's table as data, one row for each of the two stages.

Every step has its probability, and 0 switches it off. What the paper leaves open is decided here:
`perspective` moves each corner inwards by up to half this share of the side, shear is drawn for
both axes, pixels from beyond the edge are mirrored (`border`), CLAHE has 8 x 8 tiles.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from workspace.settings import said_since

Probability = Annotated[float, Field(ge=0, le=1)]
Share = Annotated[float, Field(ge=0, lt=1)]
SINCE = frozenset(
    {"area_low", "area_high", "grey_p", "trap"}
)  # keys that came later, for manifests


class AugmentConfig(BaseModel):
    """How training images are changed. `exact`: step by step; `fast`: fused; `none`: not at all."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    kind: Literal["exact", "fast", "none"] = "fast"
    resize_px: int = Field(244, ge=1)  # at a size of crop_px; other sizes in proportion
    crop_px: int = Field(224, ge=1)
    border: Literal["mirror", "black"] = "mirror"

    gray_world_p: Probability = 0.5
    clahe_p: Probability = 0.4
    clahe_clip: float = Field(2.0, gt=0)
    clahe_vascular_clip: float = Field(2.0, gt=0)  # the same as clahe_clip: nothing is looked for
    clahe_tiles: int = Field(8, ge=1, le=64)

    # A part of the picture of so large a share of its area, up to a third longer one way than the
    # other, instead of resize and crop; 1 and 1: the whole, by resize_px and crop_px.
    area_low: float = Field(1.0, gt=0, le=1)
    area_high: float = Field(1.0, gt=0, le=1)

    horizontal_flip_p: Probability = 0.5
    vertical_flip_p: Probability = 0.5
    rotation_p: Probability = 1.0
    rotation_degrees: float = Field(25.0, ge=0, le=180)
    affine_p: Probability = 1.0
    translate: Share = 0.1
    scale_low: float = Field(0.9, gt=0)
    scale_high: float = Field(1.1, gt=0)
    shear_degrees: float = Field(10.0, ge=0, le=45)
    perspective_p: Probability = 0.3
    perspective: Share = 0.15

    jitter_p: Probability = 1.0
    brightness: Share = 0.2
    contrast: Share = 0.2
    saturation: Share = 0.2
    hue: float = Field(0.02, ge=0, le=0.5)  # of the colour circle
    grey_p: Probability = 0.0
    hair_p: Probability = 0.0
    hairs_low: int = Field(2, ge=1)
    hairs_high: int = Field(8, ge=1)
    hair_width_low_px: int = Field(1, ge=1)
    hair_width_high_px: int = Field(2, ge=1)
    noise_p: Probability = 0.15
    noise_low: float = Field(5.0, ge=0, le=255)  # standard deviation in grey levels
    noise_high: float = Field(15.0, ge=0, le=255)

    # A mistake, to be seen: training pictures alone are normalised by ImageNet's mean and std.
    trap: Literal["none", "other_normalisation"] = "none"

    @model_validator(mode="after")
    def _in_order(self) -> "AugmentConfig":
        for low, high in (
            ("crop_px", "resize_px"),
            ("scale_low", "scale_high"),
            ("area_low", "area_high"),
            ("hairs_low", "hairs_high"),
            ("hair_width_low_px", "hair_width_high_px"),
            ("noise_low", "noise_high"),
        ):
            if getattr(self, low) > getattr(self, high):
                raise ValueError(f"{low} must not be above {high}")
        if self.kind == "none" and self.trap != "none":
            raise ValueError("trap changes nothing where kind='none'")
        return self

    @property
    def cuts(self) -> bool:
        """Whether a part of the picture is cut out, and resized to be the crop."""
        return self.area_low < 1

    def resized(self, size: int) -> int:
        """The side before the crop, for crops of this size."""
        return size if self.cuts else round(size * self.resize_px / self.crop_px)

    def settings(self) -> dict[str, Any]:
        """For a manifest."""
        return said_since(self, SINCE)


FIRST = AugmentConfig()
SECOND = AugmentConfig(
    gray_world_p=0.6,
    clahe_p=0.5,
    clahe_vascular_clip=1.0,
    hue=0.01,
    hair_p=0.2,
    noise_p=0.2,
)
