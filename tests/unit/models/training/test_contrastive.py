"""NT-Xent against two written-out loops; in half precision; of the smallest batches."""

import math

import numpy as np
import pytest
import torch

from models.training.contrastive import ContrastiveObjective, nt_xent

NUMBERS = [0, 1, 2, 3, 0, 1, 2, 3]  # of the pictures of eight views


def written_out(outputs, numbers, temperature):
    """Chen et al. 2020, equation 1, view by view in float64."""
    rows = [[float(v) for v in row] for row in outputs.detach()]
    losses = []
    for i, one in enumerate(rows):
        similar = {}
        for k, other in enumerate(rows):
            if k != i:
                dot = sum(a * b for a, b in zip(one, other, strict=True))
                lengths = math.hypot(*one) * math.hypot(*other)
                similar[k] = dot / lengths / temperature
        [partner] = [k for k in similar if numbers[k] == numbers[i]]
        losses.append(-math.log(math.exp(similar[partner]) / sum(map(math.exp, similar.values()))))
    return losses


def drawn(views=8, width=6, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).normal(size=(views, width))).float()


@pytest.mark.parametrize("temperature", [0.05, 0.5, 2.0])
@pytest.mark.parametrize("numbers", [NUMBERS, [0, 0, 1, 1, 2, 2, 3, 3], [3, 1, 0, 2, 2, 0, 3, 1]])
def test_check_128_it_is_what_two_loops_find(temperature, numbers):
    outputs = drawn()
    found = nt_xent(outputs, torch.tensor(numbers), temperature)
    assert found.tolist() == pytest.approx(
        written_out(outputs, numbers, temperature), rel=1e-5, abs=2e-6
    )


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_check_128_a_low_temperature_in_half_precision_is_finite_and_so_are_gradients(dtype):
    outputs = drawn().to(dtype).requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):  # in which a product would be of half precision
        loss = nt_xent(outputs, torch.tensor(NUMBERS), 0.05)
    assert loss.dtype == torch.float32
    assert loss.tolist() == pytest.approx(written_out(outputs, NUMBERS, 0.05), rel=1e-4, abs=2e-6)
    loss.sum().backward()
    assert outputs.grad.isfinite().all()
    assert outputs.grad.abs().sum() > 0


def test_check_128_alike_to_the_last_bit_the_views_are_told_from_all_alike():
    """Six views of one point: log 5, not an infinity and not a picture told from itself."""
    outputs = torch.ones(6, 3).requires_grad_()
    loss = nt_xent(outputs, torch.tensor([0, 1, 2, 0, 1, 2]), 0.05)
    assert loss.tolist() == pytest.approx([math.log(5)] * 6, rel=1e-6)
    loss.sum().backward()
    assert outputs.grad.isfinite().all()


def test_check_128_of_two_pictures_each_view_has_one_positive_and_two_negatives():
    outputs = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 1.0]])
    found = nt_xent(outputs, torch.tensor([0, 1, 0, 1]), 1.0)
    assert found.tolist() == pytest.approx([math.log(math.e + 2) - 1] * 4)


def test_a_picture_alone_has_nothing_to_be_told_from():
    outputs = drawn(2).requires_grad_()
    loss = nt_xent(outputs, torch.tensor([0, 0]), 0.05)
    assert loss.tolist() == pytest.approx([0.0, 0.0], abs=1e-6)
    loss.sum().backward()
    assert outputs.grad.abs().max() < 1e-5


def test_an_output_of_nothing_but_noughts_is_no_infinity():
    outputs = torch.zeros(4, 3).requires_grad_()
    loss = nt_xent(outputs, torch.tensor([0, 1, 0, 1]), 0.5)
    loss.sum().backward()
    assert loss.isfinite().all()
    assert outputs.grad.isfinite().all()


def test_targets_say_which_picture_of_the_batch_a_view_is_of():
    objective = ContrastiveObjective(0.5)
    targets = objective.targets(np.array([2**30, 7, 2**30 + 1, 7, 2**30, 2**30 + 1]))
    assert targets.dtype == torch.float32
    assert targets[:, 0].tolist() == [1, 0, 2, 0, 1, 2]
    outputs = drawn(6)
    expected = nt_xent(outputs, torch.tensor([1, 0, 2, 0, 1, 2]), 0.5)
    assert torch.equal(objective.loss(outputs, None, targets), expected)
