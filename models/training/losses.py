"""The one loss: focal, class-weighted, label-smoothed, for one logit and for many.

Every class is looked at through its margin m, the log odds of its probability: log p is
logsigmoid(m) and log(1 - p) is logsigmoid(-m), both exact where p or 1 - p has long underflowed,
so that losses and gradients stay finite for every gamma. It is given per sample and linear in the
targets: the caller divides by the samples of the whole accumulation group, and MixUp needs no
second call.
"""

import torch
from torch import Tensor
from torch.nn import functional


def focal(
    logits: Tensor,
    targets: Tensor,
    weights: Tensor | None = None,
    gamma: float = 0.0,
    smoothing: float = 0.0,
) -> Tensor:
    """Loss of each sample (B,) in float32: sum over c of t_c w_c (1 - p_c)^gamma (-log p_c).

    Logits are (B, C) for a softmax, (B, 1) or (B,) for a sigmoid, which counts as two classes.
    Targets are indices (B,) or shares of the classes (B, C); weights are (C,).
    """
    margins = _margins(logits.float())
    shares = as_shares(targets, margins.shape[1])
    shares = (1 - smoothing) * shares + smoothing / margins.shape[1]
    if weights is not None:
        shares = shares * weights.to(shares)
    modulation = torch.exp(gamma * functional.logsigmoid(-margins))
    return -(shares * modulation * functional.logsigmoid(margins)).sum(dim=1)


def as_shares(targets: Tensor, classes: int) -> Tensor:
    """Indices (B,) as one-hot rows (B, C) in float32; shares as they are."""
    if targets.is_floating_point():
        assert targets.shape[1:] == (classes,), "soft targets are (B, C)"
        return targets.float()
    assert targets.ndim == 1, "indices are (B,)"
    return functional.one_hot(targets.long(), classes).float()


def alpha_weights(alpha: float) -> Tensor:
    """Weights (2,) of the focal paper (Lin et al. 2017): alpha of the positive class, the rest."""
    return torch.tensor([1.0 - alpha, alpha])


def class_weights(labels: Tensor, classes: int) -> Tensor:
    """Inverse-frequency weights (C,) whose mean over these labels' samples is 1.

    A class without a sample gets 1, as if it were common: it is no one's target, only label
    smoothing touches it, and 1 / 0 would make every loss infinite.
    """
    counts = torch.bincount(labels.long(), minlength=classes)
    assert len(counts) == classes, "a label is not below the number of classes"
    present = counts > 0
    inverse = counts.sum() / (present.sum() * counts.clamp(min=1))
    return torch.where(present, inverse, torch.ones(())).float()


def _margins(logits: Tensor) -> Tensor:
    """Log odds of each class (B, C): its logit less the logsumexp of all others; O(B C^2)."""
    if logits.ndim == 1 or logits.shape[1] == 1:
        one = logits.reshape(-1)
        return torch.stack([-one, one], dim=1)
    classes = logits.shape[1]
    itself = torch.eye(classes, dtype=torch.bool, device=logits.device)
    others = logits[:, None, :].masked_fill(itself, -torch.inf).logsumexp(dim=2)
    return logits - others
