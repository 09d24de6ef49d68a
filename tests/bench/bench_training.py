"""A training step on the CPU by how pixels lie in memory, and a small stack's seeds side by side.

By processor seconds, which other work does not disturb, and with kept memory: `pace`.

Both sides of each row run by turns in one process, in wall time, since threads are the point: the
machine must be otherwise idle. Weights and pictures are random; only seconds are looked at.
"""

import time
from collections.abc import Callable
from unittest import mock

import numpy as np
import polars as pl
import torch

from models.nets.config import NetConfig
from models.nets.network import LesionNet
from models.training.loop import LAYOUTS
from models.training.losses import focal
from stacking.boosters.lightgbm import LightGBMConfig, LightGBMRows
from stacking.config import StackConfig
from stacking.fold import train_fold
from stacking.matrix import Matrix
from tests.bench.record import keep, paired

BATCH, SIZE = 32, 112
BACKBONES = ("mobilenetv2_100", "convnext_atto", "convnextv2_atto", "test_resnet")
ROWS, COLUMNS = 1600, 460


def run() -> None:
    torch.manual_seed(0)
    rows = []
    for backbone in BACKBONES:
        steps = {n: step_of(backbone, SIZE, BATCH, layout) for n, layout in LAYOUTS.items()}
        for step in steps.values():
            step()
        found = paired(steps["channels_last"], steps["channels_first"], 9, time.perf_counter)
        rows.append(
            {
                "what": f"{backbone}, a step of {BATCH} pictures of {SIZE} px",
                "one way": "channels_last", "the other": "channels_first", **_told(found),
            }
        )  # fmt: skip
    found = paired(_stack(), _one_after_another(_stack()), 3, time.perf_counter)
    rows.append(
        {
            "what": f"a fold of a stack, {ROWS} rows x {COLUMNS} columns, 5 seeds",
            "one way": "side by side", "the other": "one after another", **_told(found),
        }
    )  # fmt: skip
    keep(
        "training",
        "Training on the CPU",
        f"Wall time on all cores, both ways by turns in one process. torch has "
        f"{torch.get_num_threads()} threads.",
        rows,
    )


def _told(found: dict[str, float]) -> dict[str, float]:
    return {"one, s": found["ours_s"], "other, s": found["theirs_s"], "ratio": found["ratio"]}


def step_of(
    backbone: str, size: int, batch: int, layout: torch.memory_format
) -> Callable[[], None]:
    """A training step of random pictures."""
    config = NetConfig(backbone=backbone, weights="none", size=size, se=False, cbam=False)
    net = LesionNet(config, 1).to(memory_format=layout).train()
    optimiser = torch.optim.AdamW(net.parameters(), 1e-4)
    images = torch.randn(batch, 3, size, size)
    targets = torch.eye(2)[torch.arange(batch) % 2]

    def step() -> None:
        optimiser.zero_grad()
        logits, _ = net.learn(images.contiguous(memory_format=layout))
        focal(logits, targets, None, 2.0, 0.0).mean().backward()
        optimiser.step()

    return step


def _stack() -> Callable[[], object]:
    stream = np.random.default_rng(0)
    values = stream.normal(size=(ROWS, COLUMNS)).astype(np.float32)
    target = (values[:, :5].sum(axis=1) + stream.normal(size=ROWS) > 3.5).astype(np.int8)
    names = [f"c{number}" for number in range(COLUMNS)]
    ids = [f"{number:06d}" for number in range(ROWS)]
    fold = np.sort(np.arange(ROWS) % 5).astype(np.int16)
    rows = pl.DataFrame({"isic_id": ids, "fold": fold, "target": target, "group_id": ids})
    matrix = Matrix(rows, tuple(names), values)
    return lambda: train_fold(matrix, 0, StackConfig(), LightGBMConfig(), 0, lambda *_: None)


def _one_after_another(work: Callable[[], object]) -> Callable[[], object]:
    def alone() -> object:
        with mock.patch.object(LightGBMRows, "side_by_side", 1):
            return work()

    return alone


if __name__ == "__main__":
    run()
