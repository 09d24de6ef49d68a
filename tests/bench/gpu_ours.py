"""Our side of the GPU's proof: the loop and the scoring as the stages run them, timed.

A clock stands between them and their loader, so that the share of waiting is measured where it
occurs. What is measured is the code that trains, not a copy of it.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch

from folds.images import ImageReader
from models.inference.scores import Way, score_pictures
from models.inference.speed import EXACT, Pace
from models.inference.views import IDENTITY, View
from models.input.config import AugmentConfig
from models.input.loader import batches
from models.input.pictures import Pictures
from models.input.transforms import make_transform
from models.nets.config import NetConfig
from models.nets.network import LesionNet
from models.training.config import PhaseConfig, TrainConfig
from models.training.loop import Training
from models.training.objective import ClassObjective
from models.training.setting import Examples, Setting
from workspace.hdf5 import ImageArchive

FILE = "train-image.hdf5"
WARM = 4  # one part of so many comes before the clock starts


@dataclass(frozen=True)
class Size:
    """How much is run: the whole proof, or enough to see that it runs."""

    backbone: str
    px: int
    crops: int
    training: tuple[tuple[int, int, int], ...]  # batch size, batches a step, images
    embedding: tuple[int, int]  # batch size, images
    turns: int


FULL = Size("convnext_tiny", 224, 2048, ((8, 4, 4096), (128, 1, 16384)), (256, 16384), 3)
SMALL = Size("test_convnext", 32, 16, ((2, 2, 16),), (4, 16), 1)


@dataclass(frozen=True)
class Taught:
    """What both sides are taught with."""

    lr: float = 1e-4
    weight_decay: float = 0.05
    mixup_alpha: float = 0.3
    mixup_probability: float = 0.5
    smoothing: float = 0.05


@dataclass(frozen=True)
class Run:
    """What a run showed."""

    images_s: float
    waiting: float  # share of the time blocked in `next`; an upper bound where a GPU works on


class Clock:
    """Starts when the first steps are over: workers are up by then, kernels chosen."""

    def __init__(self, device: torch.device, images: int) -> None:
        self.device, self.warm, self.seen = device, images / WARM, 0
        self.counted = self.waited = self.started = 0.0

    def waits(self, stream: Iterable[Any]) -> Iterator[Any]:
        """The stream; the time it keeps its reader waiting is noted."""
        items, end = iter(stream), object()
        while True:
            asked = time.perf_counter()
            item = next(items, end)
            self.waited += time.perf_counter() - asked
            if item is end:
                return
            yield item

    def around(self, loader: Callable[..., Iterable[Any]]) -> Callable[..., Iterator[Any]]:
        """The loader's function, with this clock between it and its caller."""
        return lambda *given, **named: self.waits(loader(*given, **named))

    def step(self, images: int) -> None:
        self.seen += images
        if self.started:
            self.counted += images
        elif self.seen >= self.warm:
            self._join()
            self.started, self.waited = time.perf_counter(), 0.0

    def run(self) -> Run:
        self._join()
        seconds = time.perf_counter() - self.started
        return Run(self.counted / seconds, self.waited / seconds)

    def _join(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize()


class Unkept:
    """A training's checkpoints where nobody wants any: writing them is not what is measured."""

    def load(self) -> None: ...
    def save(self, snapshot: object) -> None: ...
    def save_best(self, epoch: int, weights: object) -> None: ...
    def load_best(self, epoch: int) -> dict[str, Any]:
        return {}


@dataclass(frozen=True)
class Proof:
    """Crops in a folder, a size and a device."""

    folder: Path
    size: Size
    device: torch.device
    workers: int
    taught: Taught = Taught()

    @property
    def file(self) -> Path:
        return self.folder / FILE

    def clock(self, images: int) -> Clock:
        return Clock(self.device, images)

    @property
    def precision(self) -> str:
        return "fp16" if self.device.type == "cuda" else "bf16"  # a CPU's autocast has no scaler

    @property
    def half(self) -> torch.dtype:
        return torch.float16 if self.precision == "fp16" else torch.bfloat16

    @property
    def names(self) -> list[str]:
        return sorted(ImageArchive(self.file).names()[0])[: self.size.crops]

    def pictures(self, memory_gb: float = 0.0) -> Pictures:
        references = [f"{FILE}::{name}" for name in self.names]
        return Pictures(ImageReader(self.folder), self.names, references, memory_gb)

    def net(self, attention: bool = True) -> LesionNet:
        """The paper's, or one with the head and the backbone that timm's side has."""
        plain = {} if attention else {"hidden": (), "dropout": (0.0,)}
        torch.manual_seed(0)
        return LesionNet(
            NetConfig(
                backbone=self.size.backbone, weights="none", size=self.size.px,
                se=attention, cbam=attention, **plain,
            ), 1 if attention else 2,
        ).to(self.device)  # fmt: skip

    def autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, self.half)


def our_training(
    proof: Proof, net: LesionNet, pictures: Pictures, batch: tuple[int, int, int],
    show: Callable[[Training], None] = lambda training: None,
) -> Run:  # fmt: skip
    """The loop itself, one epoch of it, with the time it waits for its batches."""
    size, every, images = batch
    taught, clock, found = proof.taught, proof.clock(images), list[Run]()
    config = TrainConfig(
        phases=(PhaseConfig(epochs=1, lr=taught.lr),), batch_size=size, accumulate=every,
        precision=proof.precision, mixup_alpha=taught.mixup_alpha,
        mixup_probability=taught.mixup_probability, smoothing=taught.smoothing,
        weight_decay=taught.weight_decay, checkpoint_s=1e9,
    )  # fmt: skip
    labels = np.arange(len(pictures)) % 2
    places = np.resize(np.arange(len(pictures)), images)
    objective = ClassObjective(labels, 2, config)
    examples = Examples(pictures, labels, ("no", "yes"), places, places[:2], objective)
    view = make_transform(AugmentConfig(), net.size, net.mean, net.std)
    setting = Setting(config, view, proof.device, 0, proof.workers)
    training = Training(net, examples, setting, Unkept(), lambda *_: (0.5, {"inner_loss": 0.0}))

    def shown(done: int, total: int) -> None:
        clock.step(min(done * size, images) - clock.seen)
        show(training)
        if done == total:
            found.append(clock.run())

    with mock.patch("models.training.loop.batches", clock.around(batches)):
        training.run(shown)
    return found[0]


def our_embedding(
    proof: Proof, net: LesionNet, pictures: Pictures, views: Sequence[View] = IDENTITY,
    pace: Pace = EXACT,
) -> Run:  # fmt: skip
    size, images = proof.size.embedding
    places = np.resize(np.arange(len(pictures)), images)
    clock = proof.clock(images)
    way = Way(proof.device, size, proof.workers, views, pace)
    with mock.patch("models.inference.scores.batches", clock.around(batches)):
        score_pictures(net, pictures, places, way, lambda done, _: clock.step(size))
    return clock.run()
