"""MixUp: a batch blended with a shuffled copy of itself, targets in the same shares.

The loss is linear in the targets, so the blended target's loss is the blend of both losses.
Every draw comes from the generator that is handed in: a step can be done again.
"""

import numpy as np
import torch
from torch import Tensor


def mixup(
    images: Tensor, targets: Tensor, alpha: float, probability: float, stream: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """Images (B, ...) and shares (B, C), mixed in this share of the batches, else untouched."""
    whole = [tensor for tensor in (images, targets) if not tensor.is_floating_point()]
    assert not whole, "integers cannot be blended"
    if stream.random() >= probability:
        return images, targets
    keep = float(stream.beta(alpha, alpha))
    order = torch.from_numpy(stream.permutation(len(images))).to(images.device)
    return _blend(images, order, keep), _blend(targets, order, keep)


def _blend(rows: Tensor, order: Tensor, keep: float) -> Tensor:
    return keep * rows + (1 - keep) * rows[order]
