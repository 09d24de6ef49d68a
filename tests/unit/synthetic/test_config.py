import pytest
from pydantic import ValidationError

from synthetic.config import SyntheticConfig


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"patients": 80, "rows": 79},
            "rows=79 is less than patients=80; each patient needs a lesion",
        ),
        (
            {"patients": 2, "rows": 8, "positives": 8},
            "positives=8 leaves no benign one of rows=8",
        ),
        (
            {"patients": 10, "rows": 1600, "positives": 81},
            "positives=81 do not fit: patients=10 with rows=1600 hold at most 68, 8 each and one "
            "in 4 lesions; lower it, or raise the others",
        ),
        (
            {"images": 1601},
            "images=1601 is more than rows=1600; lower it, or say 'all'",
        ),
        (
            {"patients": 3, "rows": 45, "positives": 11, "test_share": 0.5},
            "the test set has too little: positives=6 do not fit: patients=2 with rows=22 hold at "
            "most 5, 8 each and one in 4 lesions; lower it, or raise the others",
        ),
    ],
)
def test_refuses_what_no_competition_can_have(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        SyntheticConfig.model_validate(settings)
    assert [error["msg"] for error in caught.value.errors()] == [f"Value error, {message}"]


@pytest.mark.parametrize(
    "settings",
    [{"patients": 1}, {"positives": 0}, {"images": -1}, {"images": "some"}, {"test_share": 0}],
)
def test_refuses_numbers_out_of_range(settings: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        SyntheticConfig.model_validate(settings)


def test_refuses_unknown_keys() -> None:
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        SyntheticConfig.model_validate({"patient": 80})


def test_the_real_size_is_possible() -> None:
    config = SyntheticConfig(patients=1042, rows=401_059, positives=393, images=20_000)
    assert config.test_counts() == (260, 100_265, 98)
    assert config.test_image_count() == 5000


def test_more_copies_than_a_quarter_of_the_pictures_are_refused() -> None:
    with pytest.raises(ValidationError) as refused:
        SyntheticConfig(images=100, copies=26)
    assert "copies=26 is more than a quarter of the 100 pictures of training rows; lower it" in str(
        refused.value
    )
