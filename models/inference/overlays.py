"""Grad-CAM overlays of many pictures as PNG, in batches, by the one evaluation transform.

A map is the mean over the folds' networks. Memory is that of a batch through one network; threads
read ahead, and draw and encode the batch that is done.
"""

from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import repeat

import cv2
import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.inference.gradcam import gradcam, overlay
from models.inference.scores import Way, images_of
from models.input.evaluation import EvaluationTransform
from models.input.loader import batches
from models.input.pictures import Pictures
from models.nets.network import LesionNet
from workspace.arrays import Ints
from workspace.hashing import sha256_text

OVERLAY_PX, LEAST_PX = 1024, 256  # sides: at most, and of the longer one at least
INK, PAPER = (38, 35, 29), (253, 253, 251)
FONT = cv2.FONT_HERSHEY_SIMPLEX
Pixels = NDArray[np.uint8]
Maps = NDArray[np.float32]


@dataclass(frozen=True)
class Asked:
    """Places of pictures, the class that each is to be seen as, and what is written below it."""

    places: Ints
    classes: Ints
    words: Sequence[str]


def draw(
    nets: Sequence[LesionNet], pictures: Pictures, plan: Sequence[Asked], way: Way
) -> Generator[list[bytes], None, None]:
    """For each batch the PNGs: the picture, beside it where the class was seen, below it class and
    score."""
    transform = _transform_of(nets)
    moved = [net.to(way.device) for net in nets]
    places = [asked.places for asked in plan]
    shown = batches(pictures, transform, places, seed=0, epoch=0, workers=way.workers)
    with ThreadPoolExecutor(max(1, way.workers)) as pool:
        for batch, asked in zip(shown, plan, strict=True):
            images = transform.finish(batch.pixels.to(way.device), batch.draws)
            maps = mean_maps(moved, images, torch.from_numpy(asked.classes).to(way.device))
            yield list(pool.map(_drawn, repeat(pictures), asked.places, maps, asked.words))


def mean_maps(nets: Sequence[LesionNet], images: Tensor, classes: Tensor) -> Maps:
    """(B, H, W) from 0 to 1: each network's map of these classes (B,), averaged."""
    found = [gradcam(net, images, classes).cpu().numpy() for net in nets]
    mean: Maps = np.mean(found, axis=0)
    return mean


def target_maps(
    net: LesionNet, pictures: Pictures, places: Ints, target: Sequence[int], way: Way
) -> Maps:
    """(n, H, W): where a network saw what speaks for target 1: of the classes that make it up, the
    one that it gives most to."""
    moved, codes = net.to(way.device), torch.tensor(target, device=way.device)
    found = [np.zeros((0, 1, 1), np.float32)]
    for images in images_of(net, pictures, places, way):
        with torch.no_grad():
            logits = moved(images)
        single = logits.shape[1] == 1
        likeliest = torch.zeros(len(logits), dtype=torch.long, device=way.device)
        likeliest = likeliest if single else logits[:, codes].argmax(1)
        found.append(gradcam(moved, images, codes[likeliest]).cpu().numpy())
    return np.concatenate(found[1:] or found)


def overlay_names(ids: pl.Series, stage: str) -> list[str]:
    """A file name for each picture; a folder's name is part of it, there is one folder for all."""
    flat = ids.str.replace_all("/", "__", literal=True)
    twice = flat.is_duplicated()  # `a/b` and `a__b`: both get a hash, so that none is overwritten
    return [
        f"{name}_{sha256_text(id_)[:8]}_{stage}.png" if again else f"{name}_{stage}.png"
        for name, id_, again in zip(flat, ids, twice, strict=True)
    ]


def _transform_of(nets: Sequence[LesionNet]) -> EvaluationTransform:
    transform, *others = [EvaluationTransform(net.size, net.mean, net.std) for net in nets]
    assert all(other == transform for other in others), "folds of one network see pictures alike"
    return transform


def captioned(drawn: Pixels, words: str) -> Pixels:
    """The overlay over a strip with a scale of its colours, from low to high, and these words.

    Letters that the drawn font lacks become question marks.
    """
    width = drawn.shape[1]
    size = max(width, 120) / 420
    high, edge = round(30 * size) + 16, max(6, round(8 * size))
    strip = np.full((high, width, 3), PAPER, np.uint8)
    ramp = np.tile(np.linspace(0, 255, width).astype(np.uint8), (edge, 1))
    strip[:edge] = cv2.cvtColor(cv2.applyColorMap(ramp, cv2.COLORMAP_TURBO), cv2.COLOR_BGR2RGB)
    plain = words.encode("ascii", "replace").decode()
    (wide, tall), _ = cv2.getTextSize(plain, FONT, size, 1)
    scale = size * min(1.0, (width - 8) / max(wide, 1))
    foot = edge + (high - edge + round(tall * scale / size)) // 2
    cv2.putText(strip, plain, (4, foot), FONT, scale, INK, max(1, round(size)), cv2.LINE_AA)
    return np.vstack([drawn, strip])


def _drawn(pictures: Pictures, place: int, heat: Maps, words: str) -> bytes:
    pixels = _fitted(pictures.pixels(int(place)))
    seen = captioned(overlay(pixels, heat), words)
    below = np.full((len(seen) - len(pixels), pixels.shape[1], 3), PAPER, np.uint8)
    drawn = np.hstack([np.vstack([pixels, below]), seen])
    ok, data = cv2.imencode(".png", drawn[..., ::-1])
    assert ok
    return bytes(data)


def _fitted(pixels: Pixels) -> Pixels:
    """No side over OVERLAY_PX: a photograph's overlay would take megabytes and say no more.

    A small picture is enlarged, or the words below it could not be read.
    """
    height, width = pixels.shape[:2]
    longer = max(height, width)
    share = min(max(longer, LEAST_PX), OVERLAY_PX) / longer
    if share == 1:
        return pixels
    size = max(1, round(width * share)), max(1, round(height * share))
    how = cv2.INTER_AREA if share < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(pixels, size, interpolation=how), np.uint8)
