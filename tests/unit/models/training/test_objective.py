import numpy as np
import pytest
import torch

from models.training.auxiliary import Auxiliary
from models.training.losses import focal
from models.training.objective import ClassObjective
from tests.unit.models.training.conftest import CONFIG

CODES = np.array([0, 1, 2, 1, -1, 0])
CPU = torch.device("cpu")


def objective(*auxiliary, **values):
    made = ClassObjective(
        CODES, 3, CONFIG.model_copy(update={"class_weights": True, **values}), auxiliary
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
    families = Auxiliary(np.array([1, -1, 0, 0, 1, 0]), 2, 0.3)
    made, logits, further = objective(families), torch.randn(2, 3), torch.randn(2, 2)
    targets = made.targets(np.array([0, 1]))
    assert targets.tolist() == [[1, 0, 0, 0, 1], [0, 1, 0, 0, 0]]
    plain = objective().loss(logits, None, targets[:, :3])
    both = made.loss(logits, further, targets)
    assert made.further == 2
    torch.testing.assert_close(both - plain, families.loss(further, targets[:, 3:]))


def test_each_question_has_a_logit_of_its_own_and_weighs_for_itself():
    one = Auxiliary(np.array([1, -1, 0, 0, 1, 0]), 2, 0.3, one_logit=True)
    other = Auxiliary(np.array([-1, 0, 0, 1, 1, 1]), 2, 0.7, one_logit=True)
    made, logits = objective(one, other), torch.randn(2, 3)
    further = torch.tensor([[2.0, 5.0], [7.0, -1.0]])
    targets = made.targets(np.array([0, 1]))
    assert made.further == 2
    assert targets.tolist() == [[1, 0, 0, 0, 1, 0, 0], [0, 1, 0, 0, 0, 1, 0]]
    added = made.loss(logits, further, targets) - objective().loss(logits, None, targets[:, :3])
    # -log of the sigmoid of 2 for its yes, of 1 for the other's no; 5 and 7 are of unknown answers.
    torch.testing.assert_close(added, torch.tensor([0.3 * 0.126928, 0.7 * 0.313262]))
