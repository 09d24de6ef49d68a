"""From decoded pixels to what a network reads: the one normalisation, of training and inference.

Mean and standard deviation come from the backbone's own configuration, never from a constant
here, so that the two cannot drift apart. Once for an image in numpy, once for a batch in torch;
both give the same to 1e-6.
"""

from collections.abc import Sequence

import numpy as np
import torch

from workspace.arrays import Bytes, Floats32
from workspace.errors import DataError


def normalise(pixels: Bytes, mean: Sequence[float], std: Sequence[float]) -> Floats32:
    """uint8 RGB (..., 3) -> float32 (..., 3), `(pixels / 255 - mean) / std`.

    Anything but uint8 is refused: floats were divided by 255 before, and a second division
    trains on near-black images without a complaint.
    """
    if pixels.dtype != np.uint8:
        low, high = (float(pixels.min()), float(pixels.max())) if pixels.size else (0.0, 0.0)
        raise _refusal(str(pixels.dtype), low, high)
    deviation = np.asarray(std, np.float32)
    scaled = (pixels / np.float32(255) - np.asarray(mean, np.float32)) / deviation
    return scaled.astype(np.float32, copy=False)


def normalise_batch(
    pixels: torch.Tensor, mean: Sequence[float], std: Sequence[float]
) -> torch.Tensor:
    """uint8 (B, 3, H, W) -> float32 of the same shape, on the same device."""
    if pixels.dtype != torch.uint8:
        low, high = (float(pixels.min()), float(pixels.max())) if pixels.numel() else (0.0, 0.0)
        raise _refusal(str(pixels.dtype).removeprefix("torch."), low, high)
    return scale_batch(pixels.to(torch.float32), mean, std)


def scale_batch(levels: torch.Tensor, mean: Sequence[float], std: Sequence[float]) -> torch.Tensor:
    """The arithmetic alone, in place: float32 (B, 3, H, W) of grey levels from 0 to 255.

    One multiplication and one addition a value, where the formula as written has three steps.
    """
    gain = torch.tensor([1 / (255 * s) for s in std], device=levels.device)[:, None, None]
    shift = torch.tensor([-m / s for m, s in zip(mean, std, strict=True)], device=levels.device)
    return levels.mul_(gain).add_(shift[:, None, None])


def _refusal(dtype: str, low: float, high: float) -> DataError:
    return DataError(
        f"Pixels must be uint8 from 0 to 255; got {dtype} from {low:g} to {high:g}, "
        "which looks normalised already. Hand on decoded pixels."
    )
