"""Test-time augmentation: the same image turned and mirrored, the answers averaged.

A view is data: turn by so many quarters, then mirror. The two-stage paper averages the softmax
probabilities of the six views below; averaging logits instead is the other usage and is named.
Four are the mirrors alone: together they leave no answer that hangs on a mirror.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

How = Literal["probability", "logit"]
_AXIS = {"horizontal": -1, "vertical": -2}


@dataclass(frozen=True)
class View:
    """Quarters counter-clockwise, then a mirror along an axis; of images (..., H, W)."""

    name: str
    quarters: int = 0
    mirror: Literal["horizontal", "vertical"] | None = None

    def of(self, images: Tensor) -> Tensor:
        turned = torch.rot90(images, self.quarters, (-2, -1))
        return turned if self.mirror is None else turned.flip(_AXIS[self.mirror])

    def undone(self, images: Tensor) -> Tensor:
        """The image, or a map over it, as it was before this view of it was taken."""
        mirrored = images if self.mirror is None else images.flip(_AXIS[self.mirror])
        return torch.rot90(mirrored, -self.quarters, (-2, -1))


IDENTITY = (View("identity"),)
FOUR = (
    *IDENTITY,
    View("horizontal_flip", mirror="horizontal"),
    View("vertical_flip", mirror="vertical"),
    View("rotation_180", quarters=2),
)
SIX = (
    *IDENTITY,
    View("horizontal_flip", mirror="horizontal"),
    View("vertical_flip", mirror="vertical"),
    View("rotation_90", quarters=1),
    View("rotation_180", quarters=2),
    View("rotation_270", quarters=3),
)

NAMED: dict[str, tuple[View, ...]] = {"one": IDENTITY, "four": FOUR, "six": SIX}


def probabilities(logits: Tensor) -> Tensor:
    """Of one logit the sigmoid (B, 1), of more the softmax (B, C); in float64.

    A float32 sigmoid has merged 16.0 and 16.6, and with them the rows that a score should order.
    """
    if logits.device.type == "mps":  # which has no float64
        logits = logits.cpu()
    logits = logits.double()
    return torch.sigmoid(logits) if logits.shape[-1] == 1 else torch.softmax(logits, dim=-1)


def average(
    net: Callable[[Tensor], Tensor],
    images: Tensor,
    views: Sequence[View] = SIX,
    how: How = "probability",
) -> Tensor:
    """Probabilities (B, C) averaged over the views; by logit, of the averaged logits.

    View after view rather than as one large batch: memory stays that of one.
    """
    assert views, "no view to average over"
    answers = [net(view.of(images)).float() for view in views]
    if how == "logit":
        return probabilities(torch.stack(answers).mean(dim=0))
    return torch.stack([probabilities(logits) for logits in answers]).mean(dim=0)
