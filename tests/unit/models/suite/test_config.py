"""What a recipe may say of a suite: splits that do not leak on purpose, ImageNet's own weights."""

import pytest

from models.suite.config import SuiteConfig
from pipeline.recipe import load_recipe
from workspace.errors import ConfigError


@pytest.mark.parametrize("schemes", ["['by_image']", "['official', 'by_image']"])
def test_a_split_by_image_is_refused(schemes):
    with pytest.raises(ConfigError) as refused:
        load_recipe("dermamnist", [f"suite.schemes={schemes}"])
    assert str(refused.value) == (
        f"Option 'suite.schemes' in SET is {schemes}: a suite's validation and test rows are "
        "reported together, and by_image leaks on purpose; 'make distill' shows what that is worth."
    )


@pytest.mark.parametrize("weights", ["none", "installed", "imagenet", "", "resnet18.pth"])
def test_imagenet_s_weights_are_the_hub_s_or_a_file(weights):
    with pytest.raises(ConfigError) as refused:
        load_recipe("dermamnist", [f"suite.imagenet='{weights}'"])
    assert str(refused.value) == (
        f"Option 'suite.imagenet' in SET is '{weights}': experiments stand under ImageNet's name "
        "by it; take 'hub', or a .safetensors file of a ResNet-18."
    )


@pytest.mark.parametrize("weights", ["hub", "some/resnet18.safetensors"])
def test_weights_that_are_imagenet_s_may_be_named(weights):
    assert SuiteConfig(imagenet=weights).imagenet == weights
