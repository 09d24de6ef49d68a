import pytest

from stacking.alignment.config import AlignConfig
from stacking.alignment.variants import VARIANTS


@pytest.mark.parametrize("name", VARIANTS)
@pytest.mark.parametrize(
    "own", [{}, {"scalars": False}, {"pca": 8, "context": False}, {"method": "scalars"}]
)
def test_every_variant_of_any_recipe_is_a_sound_recipe(name, own):
    changed = AlignConfig(**own).model_dump() | dict(VARIANTS[name].align)
    if VARIANTS[name].trained and VARIANTS[name].align:
        AlignConfig.model_validate(changed)


def test_those_that_ask_no_network_that_learns_change_nothing_of_how_it_is_asked():
    for variant in VARIANTS.values():
        assert variant.trained or not variant.align
