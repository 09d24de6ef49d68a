import math

import numpy as np
import pytest
import torch
from torch.nn import functional
from torchvision.ops import sigmoid_focal_loss

from models.training.config import PhaseConfig, TrainConfig
from models.training.losses import alpha_weights, class_weights, focal
from models.training.mixup import mixup

GAMMAS = (0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 5.0)


def slow_focal(logits, shares, weights, gamma, smoothing):
    """Class by class with Python's own floats, log(1 - p) from the other classes' sum."""
    losses = []
    rows = logits.double()
    if rows.shape[1] == 1:
        rows = torch.cat([torch.zeros_like(rows), rows], 1)
    for row, target in zip(rows.tolist(), shares.double().tolist(), strict=True):
        loss = 0.0
        for c, share in enumerate(target):
            others = [x - row[c] for k, x in enumerate(row) if k != c]
            odds = math.fsum(math.exp(x) for x in others)  # (1 - p) / p
            smooth = (1 - smoothing) * share + smoothing / len(row)
            loss += smooth * weights[c] * (odds / (1 + odds)) ** gamma * math.log1p(odds)
        losses.append(loss)
    return torch.tensor(losses, dtype=torch.float64)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("gamma", GAMMAS)
def test_check_106_one_logit_equals_a_float64_twin_and_is_finite_from_minus_90_to_90(gamma, dtype):
    for shares in ([1.0, 0.0], [0.0, 1.0], [0.7, 0.3]):
        logits = torch.linspace(-90, 90, 361, dtype=dtype).requires_grad_()
        targets = torch.tensor([shares]).expand(361, 2)
        loss = focal(logits, targets, torch.tensor([0.5, 3.0]), gamma, 0.05)
        assert loss.dtype == torch.float32
        twin = slow_focal(logits[:, None], targets, [0.5, 3.0], gamma, 0.05)
        torch.testing.assert_close(loss.double(), twin, rtol=3e-5, atol=0)
        loss.sum().backward()
        assert logits.grad.isfinite().all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("gamma", GAMMAS)
def test_check_106_four_logits_equal_the_twin_and_are_finite(gamma, dtype):
    torch.manual_seed(0)
    spread = torch.tensor([0.0, 1.0, 12.0, 60.0, 180.0]).repeat_interleave(20)[:, None]
    logits = (spread * (torch.rand(100, 4) - 0.5)).clamp(-90, 90).to(dtype).requires_grad_()
    targets = torch.cat([torch.eye(4).repeat(12, 1), torch.rand(52, 4).softmax(1)])
    weights = [0.1, 1.0, 2.0, 5.0]
    loss = focal(logits, targets, torch.tensor(weights), gamma, 0.05)
    twin = slow_focal(logits, targets, weights, gamma, 0.05)
    torch.testing.assert_close(loss.double(), twin, rtol=3e-5, atol=0)
    loss.sum().backward()
    assert logits.grad.isfinite().all()


@pytest.mark.parametrize("gamma", GAMMAS)
@pytest.mark.parametrize("sure", [20.0, 90.0, -20.0, -90.0])
def test_hard_targets_without_smoothing_have_finite_gradients(gamma, sure):
    for logits in (torch.tensor([[sure]]), torch.tensor([[0.0, sure, 0.0]])):
        logits.requires_grad_()
        for target in (0, 1):
            loss = focal(logits, torch.tensor([target]), None, gamma, 0.0)
            assert torch.autograd.grad(loss.sum(), logits)[0].isfinite().all()
            assert loss.isfinite().all()


def test_the_gradient_is_the_losses_slope():
    torch.manual_seed(1)
    logits = torch.randn(3, 4)
    targets, weights = torch.randn(3, 4).softmax(1), torch.rand(4)
    step = 1e-5
    for gamma in GAMMAS:
        leaf = logits.clone().requires_grad_()
        focal(leaf, targets, weights, gamma, 0.05).sum().backward()
        for place in [(0, 0), (1, 3), (2, 1)]:
            ends = []
            for side in (step, -step):
                moved = logits.double().clone()
                moved[place] += side
                ends.append(slow_focal(moved, targets, weights.tolist(), gamma, 0.05).sum())
            slope = (ends[0] - ends[1]) / (2 * step)
            assert leaf.grad[place].item() == pytest.approx(slope.item(), rel=1e-3, abs=1e-5)


def test_check_107_gamma_0_is_cross_entropy_and_equal_weights_are_none():
    torch.manual_seed(2)
    many, one = 5 * torch.randn(40, 3), 5 * torch.randn(40)
    target, binary = torch.randint(3, (40,)), torch.randint(2, (40,))
    for smoothing in (0.0, 0.05):
        expected = functional.cross_entropy(
            many, target, reduction="none", label_smoothing=smoothing
        )
        torch.testing.assert_close(focal(many, target, None, 0.0, smoothing), expected)
    expected = functional.binary_cross_entropy_with_logits(one, binary.float(), reduction="none")
    torch.testing.assert_close(focal(one, binary), expected)
    torch.testing.assert_close(focal(one[:, None], binary), expected)
    unweighted = focal(many, target, None, 2.5, 0.05)
    torch.testing.assert_close(focal(many, target, torch.ones(3), 2.5, 0.05), unweighted)
    torch.testing.assert_close(focal(many, target, 2 * torch.ones(3), 2.5, 0.05), 2 * unweighted)


def test_check_107_weights_are_those_of_torchs_weighted_cross_entropy_before_it_divides():
    torch.manual_seed(3)
    logits, target, weights = torch.randn(20, 3), torch.randint(3, (20,)), torch.rand(3)
    expected = functional.cross_entropy(logits, target, weights, reduction="none")
    torch.testing.assert_close(focal(logits, target, weights), expected)


@pytest.mark.parametrize("gamma", [0.0, 2.0])
@pytest.mark.parametrize("alpha", [0.25, 0.5, 0.9])
def test_alpha_is_torchvisions_and_the_written_out_formulas(alpha, gamma):
    torch.manual_seed(8)
    logits, target = 4 * torch.randn(50), torch.randint(2, (50,))
    found = focal(logits, target, alpha_weights(alpha), gamma)
    theirs = sigmoid_focal_loss(logits, target.float(), alpha, gamma)
    torch.testing.assert_close(found, theirs, rtol=1e-4, atol=1e-7)
    for logit, label, loss in zip(logits.tolist(), target.tolist(), found.tolist(), strict=True):
        p = 1 / (1 + math.exp(-logit))
        of_class, weight = (p, alpha) if label else (1 - p, 1 - alpha)
        by_hand = -weight * (1 - of_class) ** gamma * math.log(of_class)
        assert loss == pytest.approx(by_hand, rel=1e-4, abs=1e-7)


def test_alpha_and_class_weights_are_not_taken_together():
    phases = (PhaseConfig(epochs=1, lr=1.0),)
    with pytest.raises(ValueError, match="alpha and class_weights both weigh the classes"):
        TrainConfig(phases=phases, alpha=0.25)
    assert TrainConfig(phases=phases, alpha=0.25, class_weights=False).alpha == 0.25
    for beyond in (0.0, 1.0):
        with pytest.raises(ValueError, match=r"than [01]"):
            TrainConfig(phases=phases, alpha=beyond, class_weights=False)


def test_one_logit_is_the_softmax_of_it_beside_zero():
    torch.manual_seed(4)
    one, target = 9 * torch.randn(30), torch.randint(2, (30,))
    two = torch.stack([torch.zeros(30), one], 1)
    weights = torch.tensor([0.3, 4.0])
    torch.testing.assert_close(
        focal(one, target, weights, 2.5, 0.05), focal(two, target, weights, 2.5, 0.05)
    )


def test_check_108_hard_one_hot_targets_give_bitwise_the_loss_of_indices():
    torch.manual_seed(5)
    target, weights = torch.randint(4, (32,)), torch.tensor([0.2, 1.0, 3.0, 0.5])
    logits = 10 * torch.randn(32, 4)
    hot = functional.one_hot(target, 4).float()
    assert torch.equal(
        focal(logits, hot, weights, 2.5, 0.05), focal(logits, target, weights, 2.5, 0.05)
    )


def test_check_108_mixups_two_losses_are_the_loss_of_the_mixed_target():
    torch.manual_seed(6)
    one, other = torch.eye(3)[torch.randint(3, (16,))], torch.eye(3)[torch.randint(3, (16,))]
    logits, weights = 4 * torch.randn(16, 3), torch.tensor([0.4, 1.0, 6.0])

    def loss(shares):
        return focal(logits, shares, weights, 2.5, 0.05)

    torch.testing.assert_close(loss(0.3 * one + 0.7 * other), 0.3 * loss(one) + 0.7 * loss(other))


def test_check_109_accumulated_gradients_are_those_of_the_whole_group_last_short_batch_too():
    torch.manual_seed(7)
    images, target = torch.randn(19, 6), torch.randint(3, (19,))
    weights, net = class_weights(target, 3), torch.nn.Linear(6, 3)

    def gradient(cuts):
        net.zero_grad()
        for rows in torch.arange(19).split(cuts):
            (focal(net(images[rows]), target[rows], weights, 2.5, 0.05).sum() / 19).backward()
        return net.weight.grad.clone()

    torch.testing.assert_close(gradient(5), gradient(19))
    torch.testing.assert_close(gradient([8, 8, 3]), gradient(19))


def test_class_weights_are_inverse_frequencies_of_mean_1_over_the_samples():
    labels = torch.tensor([0] * 6 + [1] * 3 + [2])
    weights = class_weights(labels, 3)
    torch.testing.assert_close(weights, torch.tensor([10 / 18, 10 / 9, 10 / 3]))
    assert weights[labels].mean().item() == pytest.approx(1)


def test_check_110_an_absent_class_has_weight_1_and_all_is_finite():
    labels = torch.tensor([0, 0, 2])
    weights = class_weights(labels, 4)
    torch.testing.assert_close(weights, torch.tensor([0.75, 1.0, 1.5, 1.0]))
    assert weights[labels].mean().item() == pytest.approx(1)
    assert focal(torch.randn(3, 4), labels, weights, 2.5, 0.05).isfinite().all()


def test_targets_of_another_shape_are_our_own_mistake():
    with pytest.raises(AssertionError, match="soft targets are"):
        focal(torch.zeros(4, 3), torch.zeros(4, 2))
    with pytest.raises(AssertionError, match="indices are"):
        focal(torch.zeros(4, 3), torch.zeros(4, 1, dtype=torch.long))
    with pytest.raises(AssertionError, match="not below the number of classes"):
        class_weights(torch.tensor([0, 3]), 3)


def test_the_loss_of_a_mixed_batch_takes_the_mixed_targets():
    images, shares = torch.randn(4, 3, 2, 2), torch.eye(4)
    _, mixed = mixup(images, shares, 0.3, 1.0, np.random.default_rng(0))
    assert focal(torch.zeros(4, 4), mixed).sum().item() == pytest.approx(4 * math.log(4))
