import pytest
from pydantic import ValidationError

from stacking.alignment.config import AlignConfig


def test_a_ridge_map_with_scalars_and_context_is_the_default():
    plain = AlignConfig()
    assert (plain.method, plain.scalars, plain.context, plain.ridge) == ("ridge", True, True, "gcv")
    assert plain.embeds
    assert not AlignConfig(method="scalars").embeds
    assert AlignConfig.model_validate({"ridge": 0.5}).ridge == 0.5


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"method": "scalars", "scalars": False},
            r"method='scalars' with scalars=false leaves no column; change either",
        ),
        (
            {"least_anchors": 50, "most_anchors": 40},
            r"least_anchors=50 is more than most_anchors=40; lower it",
        ),
        ({"ridge": 0.0}, "greater than 0"),
        ({"method": "rigde"}, "Input should be 'scalars', 'raw', 'ridge'"),
        ({"landmark": 3}, "Extra inputs are not permitted"),
    ],
)
def test_what_cannot_be_is_refused(changes, message):
    with pytest.raises(ValidationError, match=message):
        AlignConfig.model_validate(changes)
