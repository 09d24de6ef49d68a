"""Latency of a phone's student beside its teacher: one picture, one thread, all by turns.

The teacher answers as the library does it, eagerly: OpenCV's resize, the network's own mean and
std, one forward pass. Students answer so too, and as exported files by onnxruntime, from the same
decoded picture. Weights are random: they change no time.
"""

import hashlib
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch

from models.export.answering import Answering
from models.export.onnx_file import halved, onnx_of
from models.export.predict import Detector
from models.inference.familiar import familiar
from models.inference.views import IDENTITY
from models.input.evaluation import resize
from models.input.pixels import scale_batch
from models.nets.config import NetConfig
from models.nets.network import LesionNet
from models.nets.quantised import in_few_bits
from tests.bench.record import keep
from workspace.arrays import Bytes

TURNS = 31
SHAPE = (450, 600)  # of HAM10000's pictures
TEACHERS = {"resnet50": 192, "tf_efficientnet_lite0": 192}
STUDENTS = {"mobilenetv3_small_100": 112, "tf_efficientnet_lite0": 96}
Ask = Callable[[Bytes], object]


def run() -> None:
    torch.set_num_threads(1)
    picture = np.random.default_rng(0).integers(0, 256, (*SHAPE, 3)).astype(np.uint8)
    ways, sizes = dict[str, Ask](), dict[str, float]()
    for backbone, size in TEACHERS.items():
        ways[f"teacher {backbone}, {size} px, eager"] = _eager(_net(backbone, size))
    for backbone, size in STUDENTS.items():
        net, name = _net(backbone, size), f"{backbone}, {size} px"
        ways[f"{name}, eager"] = _eager(net)
        for kept, file in _files(net).items():
            ways[f"{name}, ONNX {kept}"] = _asked(file)
            sizes[f"{name}, ONNX {kept}"] = len(file) / 1e6
    seconds = _by_turns(ways, picture)
    first, second, *_ = seconds
    rows: list[dict[str, object]] = [
        {
            "way": name,
            "MB": sizes.get(name, "-"),
            "ms": 1000 * statistics.median(mine),
            f"times as fast as {first}": _ratio(seconds[first], mine),
            f"as {second}": _ratio(seconds[second], mine),
        }
        for name, mine in seconds.items()
    ]
    keep(
        "student",
        "A student beside its teacher",
        f"One decoded picture of {SHAPE[1]} x {SHAPE[0]} to a probability, resize and "
        f"normalisation too; one thread, processor time, all ways by turns, {TURNS} turns after a "
        "first that does not count. Ratios are medians over turns. ONNX by onnxruntime, as a "
        "bundle has it. In few bits a file keeps weights and computes in floats (decision 0031).",
        rows,
    )


def _net(backbone: str, size: int) -> LesionNet:
    torch.manual_seed(0)
    return LesionNet(
        NetConfig(backbone=backbone, weights="none", size=size, se=False, cbam=False, hidden=(),
                  dropout=(0.0,)),
        1,
    ).eval()  # fmt: skip


def _eager(net: LesionNet) -> Ask:
    @torch.inference_mode()
    def ask(picture: Bytes) -> object:
        levels = torch.from_numpy(resize(picture, net.size)).permute(2, 0, 1)[None].float()
        return torch.sigmoid(net(scale_batch(levels, net.mean, net.std)))

    return ask


def _files(net: LesionNet) -> dict[str, bytes]:
    seen = [torch.rand(8, 3, net.size, net.size)]
    known = familiar(np.random.default_rng(0).normal(size=(400, net.num_features)).astype("f4"))
    bits = {"float32": net, "int8": in_few_bits(net, 8, seen), "int4": in_few_bits(net, 4, seen)}
    files = {kept: onnx_of(Answering(one, IDENTITY, (1,), known)) for kept, one in bits.items()}
    return {**files, "float16": halved(files["float32"])}


def _asked(file: bytes) -> Ask:
    return Detector(file, {"model_sha256": hashlib.sha256(file).hexdigest()}, threads=1).outputs


def _by_turns(ways: dict[str, Ask], picture: Bytes) -> dict[str, list[float]]:
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(1 + TURNS):
        for name, ask in ways.items():
            begun = time.process_time()
            ask(picture)
            seconds[name].append(time.process_time() - begun)
    return {name: every[1:] for name, every in seconds.items()}


def _ratio(theirs: list[float], ours: list[float]) -> float:
    return statistics.median(one / mine for one, mine in zip(theirs, ours, strict=True))
