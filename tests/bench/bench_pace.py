"""What a training step and a scored batch cost a core: layout of pixels, kept memory, threads.

Processor seconds and page faults, both sides by turns, so that other work on the machine does not
count. Layout and memory are compared in one process on one thread. What threads wait for is set
when a library loads: each way of waiting is a process of its own, and these take turns; how much
spinning costs hangs on what else the machine does, whose load is told.
"""

import json
import os
import resource
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass

import torch

from models.inference.speed import Prepared
from models.nets.config import NetConfig
from models.nets.network import LesionNet
from models.training.loop import LAYOUTS
from tests.bench.bench_training import step_of
from tests.bench.record import in_child, keep
from workspace.allocation import freed_memory_kept

TRAINED = (("test_resnet", 64, 32), ("mobilenetv2_100", 112, 16),
           ("tf_efficientnet_lite0", 112, 16), ("convnext_atto", 112, 16))  # fmt: skip
TURNS, STEPS = 3, 1
WAITING = {"one thread": ("1", "PASSIVE"), "two threads, asleep": ("2", "PASSIVE"),
           "two threads, spinning": ("2", "")}  # fmt: skip


@dataclass(frozen=True)
class Cost:
    """Of one step, at the median."""

    seconds: list[float]
    faults: list[int]


def run() -> None:
    torch.set_num_threads(1)
    rows = []
    for backbone, size, batch in TRAINED:
        steps = {name: step_of(backbone, size, batch, layout) for name, layout in LAYOUTS.items()}
        rows += _rows(f"a training step of {backbone}, {batch} x {size} px", steps)
        scored = {name: _scoring(backbone, size, batch, name) for name in LAYOUTS}
        rows += _rows(f"a scored batch of {backbone}, {batch} x {size} px", scored)
    rows += _waiting_rows()
    keep(
        "pace",
        "Pace on the CPU",
        f"Processor seconds of a step, the median of {TURNS} turns, and how many times the first "
        "way's pace that is, turn by turn. Memory is given back to the kernel as "
        "glibc does once it has freed 32 MiB in one, or kept until the work ends. The load of the "
        f"machine, of {os.cpu_count()} cores, was {os.getloadavg()[0]:.1f} at the end.",
        rows,
    )


def _rows(what: str, steps: Mapping[str, Callable[[], object]]) -> list[dict[str, object]]:
    costs: dict[tuple[str, str], Cost] = {
        (layout, memory): Cost([], []) for memory in ("given back", "kept") for layout in steps
    }
    for _ in range(TURNS):
        for (layout, memory), cost in costs.items():
            with freed_memory_kept() if memory == "kept" else nullcontext():
                steps[layout]()
                seconds, faults = _measured(steps[layout])
            cost.seconds.append(seconds)
            cost.faults.append(faults)
    first = next(iter(costs.values()))
    return [
        _row(what, f"{layout}, memory {memory}", cost, first)
        for (layout, memory), cost in costs.items()
    ]


def _row(what: str, way: str, cost: Cost, first: Cost) -> dict[str, object]:
    ratios = [a / b for a, b in zip(first.seconds, cost.seconds, strict=True)]
    return {
        "what": what, "way": way, "s": statistics.median(cost.seconds),
        "times the first": statistics.median(ratios), "least": min(ratios), "most": max(ratios),
        "page faults": round(statistics.median(cost.faults)),
    }  # fmt: skip


def _measured(step: Callable[[], object]) -> tuple[float, int]:
    before, started = resource.getrusage(resource.RUSAGE_SELF), time.process_time()
    for _ in range(STEPS):
        step()
    seconds = time.process_time() - started
    after = resource.getrusage(resource.RUSAGE_SELF)
    return seconds / STEPS, (after.ru_minflt - before.ru_minflt) // STEPS


def _scoring(backbone: str, size: int, batch: int, layout: str) -> Callable[[], object]:
    config = NetConfig(backbone=backbone, weights="none", size=size, se=False, cbam=False)
    net = LesionNet(config, 1).eval().requires_grad_(False)
    images = torch.randn(batch, 3, size, size)
    if layout == "channels_last":
        ready = Prepared(net, torch.device("cpu"))
        return lambda: ready(images)

    def plainly() -> object:
        with torch.inference_mode():
            return net(images)

    return plainly


def _waiting_rows() -> list[dict[str, object]]:
    backbone, size, batch = TRAINED[0]
    costs = {way: Cost([], []) for way in WAITING}
    for _ in range(TURNS):
        for way, (threads, policy) in WAITING.items():
            given = {"OMP_NUM_THREADS": threads, "OMP_WAIT_POLICY": policy}
            kept = {k: v for k, v in os.environ.items() if k not in given}
            command = [sys.executable, "-m", "tests.bench.bench_pace", "alone"]
            told = in_child(command, env=kept | {k: v for k, v in given.items() if v})
            seconds, faults = json.loads(told.output)
            costs[way].seconds.append(seconds)
            costs[way].faults.append(faults)
    what = f"a training step of {backbone}, {batch} x {size} px"
    first = costs["one thread"]
    return [_row(what, way, cost, first) for way, cost in costs.items()]


def _alone() -> None:
    step = step_of(*TRAINED[0], LAYOUTS["channels_last"])
    with freed_memory_kept():
        step()
        print(json.dumps(_measured(step)))


if __name__ == "__main__":
    _alone() if sys.argv[1:] == ["alone"] else run()
