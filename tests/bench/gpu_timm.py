"""timm's side of the GPU's proof: its train script in short, with its own loader and optimiser.

Imports nothing that its worker processes do not need: each of them imports this module.
"""

import io
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import timm
import torch
from PIL import Image
from timm.data import Mixup, create_loader
from timm.loss import SoftTargetCrossEntropy
from timm.optim import create_optimizer_v2
from torch import nn
from torch.utils.data import Dataset

if TYPE_CHECKING:
    from tests.bench.gpu_ours import Proof, Run


class Crops(Dataset[Any]):
    """timm's side of the data: a file a worker, h5py, PIL; timm sets the transform."""

    def __init__(self, path: Path, names: list[str], length: int) -> None:
        self.path, self.names, self.length = path, names, length
        self.transform: Any = None
        self.file: h5py.File | None = None

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, place: int) -> tuple[Any, int]:
        self.file = self.file or h5py.File(self.path, "r")
        name = self.names[place % len(self.names)]
        picture = Image.open(io.BytesIO(self.file[name][()])).convert("RGB")
        return self.transform(picture), place % 2


def their_loader(proof: "Proof", batch: int, images: int, training: bool) -> Any:
    """As timm's train script makes it, with its prefetcher; processes spawned, not forked."""
    px = proof.size.px
    loader = create_loader(
        Crops(proof.file, proof.names, images), (3, px, px), batch,
        is_training=training, vflip=0.5, color_jitter=0.2, crop_pct=1.0,
        num_workers=proof.workers, pin_memory=proof.device.type == "cuda", device=proof.device,
    )  # fmt: skip
    loader.loader.multiprocessing_context = "spawn"
    return loader


def their_net(proof: "Proof", classes: int = 2) -> nn.Module:
    return timm.create_model(proof.size.backbone, num_classes=classes).to(proof.device)


def their_training(
    proof: "Proof", loader: Any, batch: tuple[int, int, int], compiled: bool = False
) -> "Run":
    """timm's train script in short: its mixup, its AdamW, autocast, a scaler, accumulation."""
    size, every, images = batch
    taught, clock = proof.taught, proof.clock(images)
    model = their_net(proof).train()
    optimiser = create_optimizer_v2(
        model, opt="adamw", lr=taught.lr, weight_decay=taught.weight_decay
    )
    model = torch.compile(model) if compiled else model
    scaler = torch.amp.GradScaler(enabled=proof.precision == "fp16")
    mix = Mixup(
        mixup_alpha=taught.mixup_alpha, prob=taught.mixup_probability,
        label_smoothing=taught.smoothing, num_classes=2,
    )  # fmt: skip
    loss_of = SoftTargetCrossEntropy()
    with _their_switches(proof):
        for number, (pixels, labels) in enumerate(clock.waits(loader), 1):
            mixed, shares = mix(pixels, labels)
            with proof.autocast():
                loss = loss_of(model(mixed), shares) / every
            scaler.scale(loss).backward()
            if number % every == 0:
                scaler.step(optimiser)
                scaler.update()
                optimiser.zero_grad()
                clock.step(size * every)
        return clock.run()


def their_embedding(proof: "Proof", loader: Any, compiled: bool = False) -> "Run":
    model, clock = their_net(proof, 0).eval(), proof.clock(proof.size.embedding[1])
    model = torch.compile(model) if compiled else model
    with torch.inference_mode(), proof.autocast(), _their_switches(proof):
        for pixels, _ in clock.waits(loader):
            model(pixels).float().cpu()
            clock.step(len(pixels))
    return clock.run()


def _their_switches(proof: "Proof") -> Any:
    """What timm's train script turns on; our loop leaves cuDNN as it is."""
    cuda = proof.device.type == "cuda"
    return torch.backends.cudnn.flags(True, benchmark=True) if cuda else nullcontext()
