import numpy as np
import pytest
import torch

from models.training.mixup import mixup


def batch():
    generator = torch.Generator().manual_seed(0)
    return torch.rand(6, 3, 4, 4, generator=generator), torch.eye(6)[:, :5] + 0


def test_off_is_the_identity_bitwise():
    images, shares = batch()
    kept, targets = mixup(images, shares, 0.3, 0.0, np.random.default_rng(0))
    assert kept is images
    assert targets is shares


def test_images_and_targets_are_mixed_in_the_same_shares():
    images, _ = batch()
    mixed, shares = mixup(images, torch.eye(6), 0.3, 1.0, np.random.default_rng(1))
    # The target's rows are the recipe: what each mixed image consists of.
    torch.testing.assert_close(mixed, torch.einsum("bk,kchw->bchw", shares, images))
    torch.testing.assert_close(shares.sum(1), torch.ones(6))
    assert not torch.equal(mixed, images)


def test_a_step_can_be_done_again_and_the_next_is_another():
    images, shares = batch()
    first = mixup(images, shares, 0.3, 1.0, np.random.default_rng([7, 3]))
    again = mixup(images, shares, 0.3, 1.0, np.random.default_rng([7, 3]))
    other = mixup(images, shares, 0.3, 1.0, np.random.default_rng([7, 4]))
    assert torch.equal(first[0], again[0])
    assert torch.equal(first[1], again[1])
    assert not torch.equal(first[0], other[0])


def test_half_of_the_batches_are_mixed_and_shares_follow_the_beta_law():
    images, stream = torch.zeros(2, 1), np.random.default_rng(0)
    kept = []
    for _ in range(4000):
        _, shares = mixup(images, torch.eye(2), 0.3, 0.5, stream)
        kept.append(float(shares[0, 0]))
    moved = np.array([share for share in kept if share != 1])
    # A permutation of two is the identity half of the time: a quarter of the batches changes.
    assert len(moved) / 4000 == pytest.approx(0.25, abs=0.03)
    assert moved.mean() == pytest.approx(0.5, abs=0.04)
    assert moved.var() == pytest.approx(1 / (4 * (2 * 0.3 + 1)), abs=0.01)


def test_pixels_are_normalised_before_they_are_mixed():
    with pytest.raises(AssertionError, match="integers cannot be blended"):
        mixup(torch.zeros(2, 1, dtype=torch.uint8), torch.eye(2), 0.3, 1.0, np.random.default_rng())
