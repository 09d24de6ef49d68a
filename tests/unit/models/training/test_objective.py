import numpy as np
import pytest
import torch

from models.training.auxiliary import Auxiliary
from models.training.losses import focal
from models.training.objective import ClassObjective
from tests.unit.models.training.conftest import CONFIG

CODES = np.array([0, 1, 2, 1, -1, 0])
CPU = torch.device("cpu")


def objective(families=None, **values):
    made = ClassObjective(
        CODES, 3, CONFIG.model_copy(update={"class_weights": True, **values}), families
    )
    made.begin(np.array([0, 1, 2, 3, 5]), CPU)
    return made


def test_targets_are_one_hot_and_the_loss_is_focal():
    made, logits = objective(class_weights=False), torch.randn(3, 3)
    targets = made.targets(np.array([2, 0, 1]))
    assert targets.tolist() == [[0, 0, 1], [1, 0, 0], [0, 1, 0]]
    expected = focal(logits, targets, None, CONFIG.gamma, CONFIG.smoothing)
    assert torch.equal(made.loss(logits, None, targets), expected)
    assert made.further == 0


def test_classes_weigh_by_the_counts_of_the_training_rows():
    assert objective().weights.tolist() == pytest.approx([5 / 6, 5 / 6, 5 / 3])
    assert objective(class_weights=False).weights is None


def test_families_are_behind_the_classes_and_add_their_loss():
    families = Auxiliary(np.array([1, -1, 0, 0, 1, 0]), ("x", "y"), 0.3)
    made, logits, further = objective(families), torch.randn(2, 3), torch.randn(2, 2)
    targets = made.targets(np.array([0, 1]))
    assert targets.tolist() == [[1, 0, 0, 0, 1], [0, 1, 0, 0, 0]]
    plain = objective().loss(logits, None, targets[:, :3])
    both = made.loss(logits, further, targets)
    assert made.further == 2
    torch.testing.assert_close(both - plain, families.loss(further, targets[:, 3:]))
