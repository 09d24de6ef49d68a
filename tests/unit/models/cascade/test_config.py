import pytest

from models.cascade.config import CascadeConfig
from models.networks.config import NetworkConfig
from pipeline.recipe_files import on_base
from tests.unit.models.networks.conftest import base

TWO = {"task": {"classes": {"a": ["a"], "b": ["b"]}}}


def networks():
    stated = {"first_stage": {}, "second_stage": TWO, "extractor": {}, "classes": TWO}
    return {
        name: NetworkConfig.model_validate(on_base(base(name), values))
        for name, values in stated.items()
    }


def test_a_cascade_is_a_network_with_a_threshold_and_one_of_its_positives():
    CascadeConfig(first="first_stage", second="second_stage").check(networks())


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        ("extractor", "second_stage", r"^cascade\.first is extractor, which calls nothing"),
        ("second_stage", "first_stage", r"^cascade\.first is second_stage, which calls nothing"),
        ("first_stage", "classes", r"^cascade\.second is classes, which is not of the first one's"),
        ("first_stage", "gone", r"^cascade names gone, which is no network; there are first_"),
    ],
)
def test_what_makes_no_cascade_is_refused(first, second, words):
    with pytest.raises(ValueError, match=words):
        CascadeConfig(first=first, second=second).check(networks())


def test_one_network_is_no_cascade():
    with pytest.raises(ValueError, match="first and second are the same network"):
        CascadeConfig(first="a", second="a")
