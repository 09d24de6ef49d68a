"""The training transform in a fraction of the time: the same table and the same draws, steps fused.

All six geometric steps are one warp, the colour jitter is one matrix, noise is added to the batch.
What differs from `exact`: gray world and CLAHE see the whole picture, not the crop; what a turn
brings in from beyond the crop is the picture there, not the crop mirrored; pixels are interpolated
once, not four times, so they are sharper; colours are rounded and clipped once; hue keeps the mean
of the channels, not their maximum; noise comes from a fixed store of normal values.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch

from models.input.clahe import clahe, strength_of
from models.input.colour import draw_jitter, grey, jitter
from models.input.config import AugmentConfig
from models.input.evaluation import shrink
from models.input.geometry import border_of, cut, draw_placement, matrix_of, warp
from models.input.gray_world import gray_world
from models.input.hair import draw_strands, with_hair
from models.input.pixels import normalise_batch, scale_batch
from workspace.arrays import Bytes, Floats32

NOISE_STORE = 2**22  # values drawn once; a sample starts somewhere in them
EXACT_IN_FLOAT32 = 2**24  # whole numbers up to here survive as float32


@dataclass(frozen=True)
class FastTransform:
    """Draws are the noise: its standard deviation (0 for none) and where in the store it starts."""

    config: AugmentConfig
    size: int
    mean: Sequence[float]
    std: Sequence[float]
    draws: int = 2

    def show(self, pixels: Bytes, stream: np.random.Generator) -> tuple[Bytes, Floats32]:
        config = self.config
        if config.cuts:
            pixels = cut(config, pixels, stream)
        pixels = shrink(pixels, config.resized(self.size))
        if stream.random() < config.gray_world_p:
            pixels = gray_world(pixels)
        if stream.random() < config.clahe_p:
            pixels = clahe(pixels, strength_of(config, self.size))
        placement = draw_placement(config, self.size, stream)
        matrix = matrix_of(placement, *pixels.shape[:2])
        pixels = warp(pixels, matrix, self.size, border_of(config))
        if stream.random() < config.jitter_p:
            steps = draw_jitter(config, stream)
            pixels = jitter(pixels, steps)
        if config.grey_p and stream.random() < config.grey_p:
            pixels = grey(pixels)
        if stream.random() < config.hair_p:
            count = (config.hairs_low, config.hairs_high)
            width = (config.hair_width_low_px, config.hair_width_high_px)
            pixels = with_hair(pixels, draw_strands(stream, self.size, count, width))
        return pixels, self._draw_noise(stream)

    def finish(self, pixels: torch.Tensor, draws: torch.Tensor) -> torch.Tensor:
        """Normalised pixels; draws are best left on the CPU, so that no device waits for them."""
        noisy = draws[:, 0].nonzero().flatten()
        if not len(noisy):
            return normalise_batch(pixels, self.mean, self.std)
        levels = pixels.to(torch.float32)
        length = levels[0].numel()
        store = _noise_store(self._store_size(), pixels.device)
        # One by one and in place: gathered into a batch of their own it took ten times as long.
        for row, (deviation, first) in zip(noisy.tolist(), draws[noisy].tolist(), strict=True):
            noise = store[int(first) : int(first) + length].view_as(levels[row])
            levels[row].add_(noise, alpha=deviation).clamp_(0, 255)
        return scale_batch(levels, self.mean, self.std)

    def _draw_noise(self, stream: np.random.Generator) -> Floats32:
        config = self.config
        if stream.random() >= config.noise_p:
            return np.zeros(2, np.float32)
        starts = min(self._store_size() - 3 * self.size**2 + 1, EXACT_IN_FLOAT32)
        deviation = stream.uniform(config.noise_low, config.noise_high)
        return np.array([deviation, stream.integers(starts)], np.float32)

    def _store_size(self) -> int:
        return max(NOISE_STORE, 6 * self.size**2)


@lru_cache(maxsize=4)
def _noise_store(length: int, device: torch.device) -> torch.Tensor:
    """Standard normal values: from numpy, so that they are the same on every device."""
    values = np.random.default_rng(0).standard_normal(length, dtype=np.float32)
    return torch.from_numpy(values).to(device)
