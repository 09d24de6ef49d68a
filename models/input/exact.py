"""The training transform step by step, in the paper's own order, with albumentations.

Slow, and what `fast` is measured against. The library's own randomness repeats itself in forked
workers, so every sample hands it a stream of its own; each thread has its own pipeline, since the
library keeps that stream in the pipeline. What it lacks (gray world, CLAHE by the picture, hair)
or draws otherwise (perspective) is ours, hung into its pipeline.
"""

import os
import random
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch

os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"  # or the import asks the network for a newer one

import albumentations as al

from models.input.clahe import clahe, strength_of
from models.input.colour import grey
from models.input.config import AugmentConfig
from models.input.evaluation import NO_DRAWS, resize
from models.input.geometry import border_of, cut, draw_corners, perspective_of
from models.input.gray_world import gray_world
from models.input.hair import draw_strands, with_hair
from models.input.pixels import normalise_batch
from workspace.arrays import Bytes, Floats32

_pipelines = threading.local()


@dataclass(frozen=True)
class ExactTransform:
    """All is done sample by sample; only the normalisation is left to the batch."""

    config: AugmentConfig
    size: int
    mean: Sequence[float]
    std: Sequence[float]
    draws: int = 0

    def show(self, pixels: Bytes, stream: np.random.Generator) -> tuple[Bytes, Floats32]:
        steps = _pipeline(self.config, self.size)
        steps.set_random_state(stream, random.Random(int(stream.integers(2**63))))  # noqa: S311 - no secret
        return np.asarray(steps(image=pixels)["image"], np.uint8), NO_DRAWS

    def finish(self, pixels: torch.Tensor, draws: torch.Tensor) -> torch.Tensor:
        return normalise_batch(pixels, self.mean, self.std)


class _Cut(al.ImageOnlyTransform):
    def __init__(self, config: AugmentConfig) -> None:
        super().__init__(p=1)
        self.config = config

    def apply(self, img: Bytes, **_: Any) -> Bytes:
        return cut(self.config, img, self.random_generator)


class _Grey(al.ImageOnlyTransform):
    def apply(self, img: Bytes, **_: Any) -> Bytes:
        return grey(img)


class _Resize(al.ImageOnlyTransform):
    def __init__(self, size: int) -> None:
        super().__init__(p=1)
        self.size = size

    def apply(self, img: Bytes, **_: Any) -> Bytes:
        return resize(img, self.size)


class _GrayWorld(al.ImageOnlyTransform):
    def apply(self, img: Bytes, **_: Any) -> Bytes:
        return gray_world(img)


class _Clahe(al.ImageOnlyTransform):
    def __init__(self, config: AugmentConfig, size: int) -> None:
        super().__init__(p=config.clahe_p)
        self.how = strength_of(config, size)

    def apply(self, img: Bytes, **_: Any) -> Bytes:
        return clahe(img, self.how)


class _Hair(al.ImageOnlyTransform):
    def __init__(self, config: AugmentConfig) -> None:
        super().__init__(p=config.hair_p)
        self.count = (config.hairs_low, config.hairs_high)
        self.width = (config.hair_width_low_px, config.hair_width_high_px)

    def apply(self, img: Bytes, **_: Any) -> Bytes:
        strands = draw_strands(self.random_generator, img.shape[0], self.count, self.width)
        return with_hair(img, strands)


class _Perspective(al.Perspective):
    """The library draws the corners' moves from a half normal without an end."""

    def __init__(self, config: AugmentConfig) -> None:
        super().__init__(p=config.perspective_p, border_mode=border_of(config))
        self.amount = config.perspective

    def get_params_dependent_on_data(
        self, params: dict[str, Any], data: dict[str, Any]
    ) -> dict[str, Any]:
        size = params["shape"][0]
        corners = draw_corners(self.random_generator, size, self.amount)
        matrix = perspective_of(corners, size)
        return {"matrix": matrix, "max_height": size, "max_width": size, "matrix_bbox": matrix}


def _pipeline(config: AugmentConfig, size: int) -> al.Compose:
    """This thread's pipeline for this configuration."""
    known: dict[tuple[AugmentConfig, int], al.Compose] | None
    known = getattr(_pipelines, "known", None)
    if known is None:
        known = _pipelines.known = {}
    if (config, size) not in known:
        known[config, size] = al.Compose(_steps(config, size))
    return known[config, size]


def _steps(config: AugmentConfig, size: int) -> list[al.BasicTransform]:
    border = border_of(config)
    by = config.translate
    return [
        *([_Cut(config)] if config.cuts else []),
        _Resize(config.resized(size)),
        al.RandomCrop(size, size),
        _GrayWorld(p=config.gray_world_p),
        _Clahe(config, size),
        al.HorizontalFlip(p=config.horizontal_flip_p),
        al.VerticalFlip(p=config.vertical_flip_p),
        al.Rotate(
            (-config.rotation_degrees, config.rotation_degrees),
            interpolation=cv2.INTER_LINEAR,
            border_mode=border,
            p=config.rotation_p,
        ),
        al.Affine(
            scale=(config.scale_low, config.scale_high),
            translate_percent={"x": (-by, by), "y": (-by, by)},
            shear=(-config.shear_degrees, config.shear_degrees),
            keep_ratio=True,
            border_mode=border,
            p=config.affine_p,
        ),
        _Perspective(config),
        al.ColorJitter(
            brightness=(1 - config.brightness, 1 + config.brightness),
            contrast=(1 - config.contrast, 1 + config.contrast),
            saturation=(1 - config.saturation, 1 + config.saturation),
            hue=(-config.hue, config.hue),
            p=config.jitter_p,
        ),
        *([_Grey(p=config.grey_p)] if config.grey_p else []),
        _Hair(config),
        al.GaussNoise(
            std_range=(config.noise_low / 255, config.noise_high / 255), p=config.noise_p
        ),
    ]
