import pytest
from pydantic import ValidationError

from models.input.config import FIRST, SECOND, AugmentConfig

# The paper's table 2, line by line: what both stages share, then (first stage, second stage).
SHARED = {
    "resize_px": 244,
    "crop_px": 224,
    "clahe_clip": 2.0,
    "horizontal_flip_p": 0.5,
    "vertical_flip_p": 0.5,
    "rotation_p": 1.0,
    "rotation_degrees": 25.0,
    "affine_p": 1.0,
    "translate": 0.10,
    "scale_low": 0.9,
    "scale_high": 1.1,
    "shear_degrees": 10.0,
    "perspective_p": 0.3,
    "perspective": 0.15,
    "jitter_p": 1.0,
    "brightness": 0.2,
    "contrast": 0.2,
    "saturation": 0.2,
    "hairs_low": 2,
    "hairs_high": 8,
    "hair_width_low_px": 1,
    "hair_width_high_px": 2,
    "noise_low": 5.0,
    "noise_high": 15.0,
}
BY_STAGE = {
    "gray_world_p": (0.5, 0.6),
    "clahe_p": (0.4, 0.5),
    "clahe_vascular_clip": (2.0, 1.0),
    "hue": (0.02, 0.01),
    "hair_p": (0.0, 0.2),
    "noise_p": (0.15, 0.2),
}
OURS = {
    "kind": "fast", "border": "mirror", "clahe_tiles": 8, "area_low": 1.0, "area_high": 1.0,
    "grey_p": 0.0, "trap": "none",
}  # fmt: skip


@pytest.mark.parametrize(("stage", "config"), [(0, FIRST), (1, SECOND)])
def test_the_two_rows_are_those_of_the_paper(stage, config):
    table = {**SHARED, **{name: pair[stage] for name, pair in BY_STAGE.items()}, **OURS}
    assert config.model_dump() == table


def test_every_step_can_be_switched_off():
    names = [name for name in AugmentConfig.model_fields if name.endswith("_p")]
    assert len(names) == 11
    off = AugmentConfig(**dict.fromkeys(names, 0.0))
    assert {getattr(off, name) for name in names} == {0.0}


@pytest.mark.parametrize(
    "given",
    [
        {"clahe_q": 0.5},
        {"clahe_p": 1.5},
        {"clahe_p": "0.5"},
        {"kind": "slow"},
        {"scale_low": 1.2},
        {"hairs_low": 9},
        {"resize_px": 200},
    ],
)
def test_what_cannot_be_is_refused(given):
    with pytest.raises(ValidationError):
        AugmentConfig(**given)


def test_the_crop_keeps_its_share_at_other_sizes():
    assert [FIRST.resized(size) for size in (224, 112, 448, 128)] == [244, 122, 488, 139]
