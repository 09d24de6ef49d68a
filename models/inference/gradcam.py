"""Grad-CAM (Selvaraju et al. 2017): where a network looked for a class.

Channels of the map that the pooling sees are weighted by the mean gradient of the class's logit,
summed, cut at zero and enlarged to the image. That is the last convolution's map after its norm,
activation and attention; before them, channels that stay silent count as evidence (docs/LOG.md). A
map is relative to its own maximum: two maps tell where, not how much, and an image without
evidence for the class has a map of zeros.
"""

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from models.nets.network import LesionNet
from workspace.errors import ConfigError

STRENGTH = 0.5  # share of the heat colour where the map is 1


def gradcam(net: LesionNet, images: Tensor, classes: Tensor, layer: str | None = None) -> Tensor:
    """Maps (B, H, W) from 0 to 1 of images (B, 3, H, W) for these classes (B,).

    The layer is the backbone's last map before pooling unless one is named. A single logit speaks
    for class 1, its negative for class 0. The network is left as it was, gradients too.
    """
    if not (layer or net.last_map):
        raise ConfigError(
            f"Grad-CAM needs a map before the pooling, which {net.config.backbone} lacks: it works "
            "on tokens. Take another net.backbone."
        )
    chosen = net.get_submodule(layer or net.last_map)
    seen: list[Tensor] = []
    handle = chosen.register_forward_hook(lambda _module, _given, output: seen.append(output))
    training = net.training
    try:
        net.eval()
        # The images need gradients, else a frozen backbone would leave no way back to the layer.
        with torch.enable_grad():
            logits = net(images.detach().requires_grad_())
            gradient = torch.autograd.grad(_scores(logits, classes).sum(), seen[0])[0]
    finally:
        handle.remove()
        net.train(training)
    weights = gradient.mean((2, 3), keepdim=True)
    raw = (weights * seen[0].detach()).sum(1, keepdim=True).relu().float()
    maps = functional.interpolate(raw, images.shape[2:], mode="bilinear", align_corners=False)[:, 0]
    highest = maps.amax((1, 2), keepdim=True)
    return torch.where(highest > 0, maps / highest, 0.0)


def overlay(pixels: NDArray[np.uint8], heat: NDArray[np.float32]) -> NDArray[np.uint8]:
    """The picture (H, W, 3) under a map (h, w) from 0 to 1, enlarged to it; cold places show it."""
    height, width = pixels.shape[:2]
    fitted = cv2.resize(heat.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    levels = np.rint(255 * np.clip(fitted, 0, 1)).astype(np.uint8)
    colours = cv2.cvtColor(cv2.applyColorMap(levels, cv2.COLORMAP_TURBO), cv2.COLOR_BGR2RGB)
    share = STRENGTH * np.clip(fitted, 0, 1)[..., None]
    mixed: NDArray[np.uint8] = np.rint(pixels * (1 - share) + colours * share).astype(np.uint8)
    return mixed


def _scores(logits: Tensor, classes: Tensor) -> Tensor:
    if logits.shape[1] == 1:
        return torch.where(classes == 1, logits[:, 0], -logits[:, 0])
    return logits.gather(1, classes.long()[:, None])[:, 0]
