"""Distillation's loss: by hand, by its gradients, and where the teacher counts nothing."""

import numpy as np
import pytest
import torch

from models.training.config import PhaseConfig, TrainConfig
from models.training.objective import ClassObjective
from models.training.soft_labels import TaughtObjective, soft_cross_entropy

PLAIN = TrainConfig(
    phases=(PhaseConfig(epochs=1, lr=1e-3),), gamma=0.0, smoothing=0.0, class_weights=False
)  # fmt: skip
CODES = np.array([0, 1, 1, 0])
SAID = np.log([[0.8, 0.2], [0.5, 0.5], [0.1, 0.9], [0.6, 0.4]])


def taught(weight, temperature=1.0, said=SAID, codes=CODES):
    own = ClassObjective(codes, said.shape[1], PLAIN)
    objective = TaughtObjective(own, said, temperature, weight)
    objective.begin(np.arange(len(codes)), torch.device("cpu"))
    return objective


def loss_of(objective, outputs, indices=(0, 1, 2, 3)):
    return objective.loss(outputs, None, objective.targets(np.array(indices)))


def test_the_loss_by_hand():
    """A sigmoid's logit log 3 says .75 of the second class; the teacher says .2, the label 0."""
    logit = torch.log(torch.tensor([[3.0]]))
    hard = -np.log(0.25)
    soft = -(0.8 * np.log(0.25) + 0.2 * np.log(0.75))
    for weight in (0.0, 0.25, 1.0):
        [loss] = loss_of(taught(weight), logit, [0]).tolist()
        assert loss == pytest.approx((1 - weight) * hard + weight * soft, rel=1e-6)


def test_a_temperature_softens_both_and_is_given_back():
    """At 2 a share of .9 to .1 becomes 3 to 1, and so does the student's odds of 9."""
    logit = torch.log(torch.tensor([[9.0]]))
    [loss] = loss_of(taught(1.0, temperature=2.0), logit, [2]).tolist()
    entropy = -(0.75 * np.log(0.75) + 0.25 * np.log(0.25))
    assert loss == pytest.approx(4 * entropy, rel=1e-6)


def test_many_classes_and_a_slow_twin():
    stream = np.random.default_rng(0)
    said = np.log(stream.dirichlet(np.ones(5), size=4))
    outputs = torch.from_numpy(stream.normal(size=(4, 5)).astype(np.float32))
    found = loss_of(taught(0.3, 3.0, said, np.array([0, 4, 2, 2])), outputs)
    for row, code in enumerate([0, 4, 2, 2]):
        student = outputs[row].double().numpy()
        plain = np.exp(student) / np.exp(student).sum()
        soft = np.exp(student / 3) / np.exp(student / 3).sum()
        teacher = np.exp(said[row] / 3) / np.exp(said[row] / 3).sum()
        by_hand = 0.7 * -np.log(plain[code]) + 0.3 * 9 * -(teacher * np.log(soft)).sum()
        assert float(found[row]) == pytest.approx(by_hand, rel=1e-5)


@pytest.mark.parametrize("temperature", [20.0, 50.0])
def test_the_gradients_size_does_not_hang_on_the_temperature(temperature):
    """Far above the logits it is (z - v) / C of centred logits (Hinton et al., equation 4)."""
    said = np.array([[1.0, -1.0, 0.5], [0.2, 0.1, -0.3]])
    outputs = torch.tensor([[0.3, 0.4, -0.7], [1.0, -0.5, -0.5]], requires_grad=True)
    loss_of(taught(1.0, temperature, said, CODES[:2]), outputs, [0, 1]).sum().backward()
    limit = (outputs.detach().numpy() - (said - said.mean(axis=1, keepdims=True))) / 3
    assert np.allclose(outputs.grad, limit, atol=1.5 / temperature)
    assert np.abs(limit).max() > 0.3


def test_with_no_weight_it_is_the_loss_by_labels_to_the_bit():
    outputs = torch.linspace(-3, 3, 4).reshape(4, 1).requires_grad_()
    loss_of(taught(0.0, 2.0), outputs).sum().backward()
    by_itself = outputs.detach().clone().requires_grad_()
    own = ClassObjective(CODES, 2, PLAIN)
    own.begin(np.arange(4), torch.device("cpu"))
    own.loss(by_itself, None, own.targets(np.arange(4))).sum().backward()
    assert torch.equal(outputs.grad, by_itself.grad)


def test_a_mixed_picture_is_taught_the_mix():
    objective = taught(1.0, 2.0)
    outputs = torch.tensor([[0.4]])
    one, other = objective.targets(np.array([0])), objective.targets(np.array([2]))
    mixed = objective.loss(outputs, None, 0.3 * one + 0.7 * other)
    apart = [objective.loss(outputs, None, some) for some in (one, other)]
    assert mixed.item() == pytest.approx(0.3 * apart[0].item() + 0.7 * apart[1].item(), rel=1e-6)


def test_half_precision_stays_finite():
    shares = torch.tensor([[1.0, 0.0]])
    found = soft_cross_entropy(torch.tensor([[60000.0]], dtype=torch.float16), shares, 1.0)
    assert found.dtype == torch.float32
    assert found.item() == 60000.0


def test_the_teacher_has_to_know_every_picture_that_is_learnt():
    said = SAID.copy()
    said[3] = np.nan
    own = ClassObjective(CODES, 2, PLAIN)
    objective = TaughtObjective(own, said, 1.0, 0.5)
    objective.begin(np.arange(3), torch.device("cpu"))
    with pytest.raises(AssertionError, match="asked about every picture"):
        objective.begin(np.arange(4), torch.device("cpu"))
