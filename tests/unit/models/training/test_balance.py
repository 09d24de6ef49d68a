"""Check 163: what each class is of the loss, closed forms on counts."""

import numpy as np
import pytest

from models.training.balance import class_balance
from tests.unit.models.training.conftest import CONFIG

LABELS = (0,) * 8 + (1,) * 4 + (0, 1)  # twelve to learn from, two thirds of them a


@pytest.fixture
def balance(trial):
    def made(**values):
        given = {"sampling": "shuffled", "class_weights": True, **values}
        config = type(CONFIG).model_validate({**CONFIG.model_dump(), **given})
        return trial(config=config, labels=LABELS, learnt=12).made()._balance()

    return made


@pytest.mark.parametrize(
    ("values", "pictures", "weights", "share"),
    [
        ({"class_weights": False}, (8, 4), (1, 1), 1 / 3),
        ({"class_weights": False, "oversample": {"b": 2.0}}, (8, 8), (1, 1), 1 / 2),
        ({}, (8, 4), (3 / 4, 3 / 2), 1 / 2),
        ({"oversample": {"b": 2.0}}, (8, 8), (3 / 4, 3 / 2), 2 / 3),
        ({"oversample": {"b": 1.5}}, (8, 6), (3 / 4, 3 / 2), 3 / 5),
        ({"sampling": "inverse_frequency", "class_weights": False}, (6, 6), (1, 1), 1 / 2),
        (
            {"sampling": "balanced", "class_weights": False, "batch_size": 4},
            (8, 8), (1, 1), 1 / 2,
        ),
        (
            {"sampling": "balanced", "class_weights": False, "batch_size": 4, "alpha": 0.25},
            (8, 8), (3 / 4, 1 / 4), 1 / 4,
        ),
    ],
)  # fmt: skip
def test_check_163_a_class_is_of_the_loss_what_sampling_and_weights_say(
    balance, values, pictures, weights, share
):
    found = balance(**values)
    assert [found[name]["rows"] for name in "ab"] == [8, 4]
    assert tuple(found[name]["pictures_an_epoch"] for name in "ab") == pictures
    assert [found[name]["weight"] for name in "ab"] == pytest.approx(weights)
    assert [found[name]["share_of_loss"] for name in "ab"] == pytest.approx([1 - share, share])


def test_check_163_the_share_is_that_of_the_losses_themselves(trial):
    """Equal logits make pictures equally wrong: the classes' losses stand as their shares."""
    config = CONFIG.model_copy(
        update={"sampling": "shuffled", "class_weights": True, "oversample": {"b": 2.0},
                "smoothing": 0.0}
    )  # fmt: skip
    training = trial(config=config, labels=LABELS, learnt=12).made()
    shown = np.concatenate(training._plan(0))
    targets = training.objective.targets(shown)
    losses = training.objective.loss(targets[:, :1] * 0, None, targets)
    of_b = losses[targets[:, 1] == 1].sum() / losses.sum()
    assert of_b.item() == pytest.approx(2 / 3)


def test_a_class_without_a_picture_has_no_share():
    found = class_balance(np.array([0, 1, 1]), np.array([1, 1]), None, ("a", "b"))
    assert [found[name]["share_of_loss"] for name in "ab"] == [0, 1]
