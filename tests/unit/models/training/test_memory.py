"""Check 149: memory stays flat over the epochs, and no worker has objects of its own for every row.

The training is in a process of its own, where nothing but it takes memory. Pictures are so large
that the batches of five epochs, were they kept, would be more than a tenth of that process.
"""

import multiprocessing
import os
import sys
import tracemalloc
from pathlib import Path

import cv2
import numpy as np
import polars as pl
import pytest
import torch

from folds.images import ImageReader
from models.input.config import AugmentConfig
from models.input.loader import batches
from models.input.pictures import Pictures
from models.input.transforms import make_transform
from models.training.config import PhaseConfig
from models.training.order import batches_of, epoch_order
from tests.unit.models.training.conftest import CONFIG, NET, Trial

EPOCHS, COUNT, SIDE = 6, 300, 160
ROWS = 401_059  # of ISIC 2024
MEAN, STD = (0.5,) * 3, (0.25,) * 3


def resident():
    """Bytes of this process that lie in memory, but for its libraries' files."""
    _, all_pages, of_files, *_ = map(int, Path("/proc/self/statm").read_text().split())
    return (all_pages - of_files) * os.sysconf("SC_PAGE_SIZE")


def resident_by_epoch(folder):
    """While a network learns with four loader threads, some pictures kept and some read anew."""
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    names = [f"p{number:03d}" for number in range(COUNT)]
    for name in names:
        shades = rng.integers(0, 255, (8, 8, 3)).astype(np.uint8)
        assert cv2.imwrite(str(folder / f"{name}.jpg"), cv2.resize(shades, (SIDE, SIDE)))
    pictures = Pictures(ImageReader(folder), names, [f"{name}.jpg" for name in names], 0.005)
    config = CONFIG.model_copy(
        update={"phases": (PhaseConfig(epochs=EPOCHS, lr=1e-4),), "batch_size": 4,
                "sampling": "shuffled", "checkpoint_s": 1e9}
    )  # fmt: skip
    seen = []
    trial = Trial(
        folder / "run", pictures, config, net=NET.model_copy(update={"size": 128}),
        labels=tuple(np.arange(COUNT) % 2), learnt=COUNT - 6, workers=4,
    )  # fmt: skip
    trial.score = lambda net: seen.append(resident()) or float(len(seen))
    trial.run()
    assert 0 < pictures.kept < COUNT
    return seen


@pytest.mark.slow
def test_check_149_the_resident_set_stays_flat_over_the_epochs(tmp_path):
    spawning = multiprocessing.get_context("spawn")
    with spawning.Pool(1) as child:
        seen = child.apply(resident_by_epoch, (tmp_path,))
    assert len(seen) == EPOCHS
    assert seen[-1] < 1.1 * seen[0]


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """As many rows as ISIC 2024 has, all of one picture; the columns never were Python objects."""
    folder = tmp_path_factory.mktemp("one")
    assert cv2.imwrite(str(folder / "one.png"), np.full((8, 8, 3), 90, np.uint8))
    columns = pl.select(
        id=pl.format("ISIC_{}", pl.int_range(ROWS)), image=pl.repeat("one.png", ROWS)
    )
    return ImageReader(folder), columns


def begun(many, workers):
    """Most traced bytes, and lasting objects, from nothing to the first batch of an epoch."""
    reader, columns = many
    view = make_transform(AugmentConfig(kind="none"), 8, MEAN, STD)
    labels = np.arange(ROWS) % 2
    tracemalloc.start()
    try:
        objects = sys.getallocatedblocks()
        pictures = Pictures(reader, columns["id"], columns["image"], 0.001)
        order = epoch_order(labels, "shuffled", {}, None, np.random.default_rng(0))
        plan = batches_of(order, 32)
        stream = batches(pictures, view, plan, seed=0, epoch=0, workers=workers)
        next(stream)
        objects = sys.getallocatedblocks() - objects
        stream.close()
        return tracemalloc.get_traced_memory()[1], objects
    finally:
        tracemalloc.stop()


def test_check_149_no_list_of_all_rows_and_nothing_more_by_worker(many):
    begun(many, 1)  # what is made once and kept for good
    one, several = begun(many, 1), begun(many, 8)
    for most, objects in (one, several):
        assert most < 100e6
        assert objects < ROWS / 2  # a list of ids has one for each row
    assert several[0] - one[0] < 5e6
    assert several[1] - one[1] < 10_000
