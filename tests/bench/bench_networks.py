"""Inference of the paper's network on the CPU: as written, and as `models.inference.speed` does it.

All ways run in one process by turns, on one thread, whose processor seconds count: the wall clock
would measure whatever else the machine does, and two threads wait for each other. Each ratio is
the median over turns of that way's pace to float32's in the same turn. Weights are random, but
awake: layer scales are .1 instead of a millionth and the last layer is enlarged, so that
probabilities differ between images. With DERMSTACK_REAL_DATA the change in probabilities is that
of real weights on real images too, a row beside its own float32.
"""

import copy
import os
import statistics
import time
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from models.inference.speed import Pace, Prepared, fastest
from models.inference.views import probabilities
from models.nets.config import NetConfig
from models.nets.network import LesionNet
from tests.bench.record import keep
from workspace.files import read_user_tensors

BATCH = 8
TURNS = 9
SLOW = 4  # times float32's seconds: bfloat16 without its instructions is by far slower than that
CPU = torch.device("cpu")
REAL_IMAGES = 64


def run() -> None:
    warnings.simplefilter("ignore")  # the compiler's own
    torch.set_num_threads(1)
    torch.manual_seed(0)
    net = _awake(LesionNet(NetConfig(weights="none"), 4)).eval()
    images = torch.randn(BATCH, 3, 224, 224)
    rows = _rows(_ways(net), images)
    if real := os.environ.get("DERMSTACK_REAL_DATA"):
        rows.append(_on_real_images(Path(real)))
    chosen = fastest(CPU, 10**6)
    keep(
        "networks",
        "Inference on the CPU",
        f"convnext_tiny with SE, CBAM and the head, 224 px, batches of {BATCH}, "
        f"processor seconds of one thread, all ways by turns, {TURNS} turns; a way that took over "
        f"{SLOW} times float32's seconds in its first has no other. What computes in bfloat16 is "
        "quicker only on a processor that has instructions for it, and is chosen only there. "
        "For many images `fastest` chooses "
        f"{chosen.dtype}{', compiled' if chosen.compiled else ''} here. Changes are "
        "the largest and the mean difference of a class probability to float32 as written. The "
        "first batch's seconds leave out the compiler's own processes.",
        rows,
    )


def _ways(net: LesionNet) -> dict[str, Callable[[Tensor], Tensor]]:
    def as_written(images: Tensor) -> Tensor:
        with torch.no_grad():
            return net(images)

    half = copy.deepcopy(net).bfloat16()

    def weights_too(images: Tensor) -> Tensor:
        with torch.no_grad():
            return half(images.bfloat16())

    return {
        "float32 as written": as_written,
        "float32, channels last": Prepared(net, CPU),
        "float32, compiled": Prepared(net, CPU, Pace(compiled=True)),
        "bfloat16, weights and norms too": weights_too,
        "bfloat16 by autocast": Prepared(net, CPU, Pace("bfloat16")),
        "bfloat16 by autocast, compiled": Prepared(net, CPU, Pace("bfloat16", compiled=True)),
    }


def _rows(ways: dict[str, Callable[[Tensor], Tensor]], images: Tensor) -> list[dict[str, object]]:
    first, answers = {}, {}
    for name, way in ways.items():
        started = time.process_time()
        answers[name] = probabilities(way(images))
        first[name] = time.process_time() - started
    exact = next(iter(ways))
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(TURNS):
        for name, way in ways.items():
            if seconds[name] and seconds[name][0] > SLOW * seconds[exact][0]:
                continue
            started = time.process_time()
            way(images)
            seconds[name].append(time.process_time() - started)
    return [
        {
            "way": name,
            "computes in": "bfloat16" if "bfloat16" in name or "autocast" in name else "float32",
            "images/s a core": len(images) / statistics.median(seconds[name]),
            "times float32": statistics.median(
                theirs / ours for theirs, ours in zip(seconds[exact], seconds[name], strict=False)
            ),
            "turns": len(seconds[name]),
            "first batch, s": first[name],
            **_change(answers[exact], answers[name]),
        }
        for name in ways
    ]


def _change(exact: Tensor, other: Tensor) -> dict[str, object]:
    difference = (exact - other).abs()
    return {"largest change": float(difference.max()), "mean change": float(difference.mean())}


def _awake(net: LesionNet) -> LesionNet:
    with torch.no_grad():
        for name, parameter in net.named_parameters():
            if name.endswith("gamma"):
                parameter.fill_(0.1)
        net.head[-1].weight.mul_(20)
    return net


def _on_real_images(folder: Path) -> dict[str, object]:
    """ImageNet's MobileNetV2 with its own thousand classes, on pictures of lesions."""
    path = folder / "weights" / "timm_mobilenetv2_100.imagenet.safetensors"
    config = NetConfig(
        backbone="mobilenetv2_100", weights=str(path), options={"pad_type": "same"},
        mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5), se=False, cbam=False,
    )  # fmt: skip
    net = LesionNet(config, 1000)
    tensors, _ = read_user_tensors(path)
    classifier = nn.Linear(net.num_features, 1000)
    classifier.load_state_dict({k: torch.tensor(tensors[f"classifier.{k}"])
                                for k in ("weight", "bias")})  # fmt: skip
    net.head = nn.Sequential(classifier)
    images = _lesions(folder / "ham10000_200x150.zip")
    return _rows(
        {
            "float32, channels last": Prepared(net, CPU),
            "autocast, MobileNetV2, real weights and lesions": Prepared(net, CPU, Pace("bfloat16")),
        },
        images,
    )[1]


def _lesions(archive: Path) -> Tensor:
    with zipfile.ZipFile(archive) as opened:
        names = sorted(name for name in opened.namelist() if name.endswith(".jpg"))
        read = [np.frombuffer(opened.read(name), np.uint8) for name in names[:REAL_IMAGES]]
    pictures = [cv2.resize(cv2.imdecode(data, cv2.IMREAD_COLOR_RGB), (224, 224)) for data in read]
    scaled = (np.stack(pictures) / 255 - 0.5) / 0.5
    return torch.tensor(scaled, dtype=torch.float32).permute(0, 3, 1, 2)
