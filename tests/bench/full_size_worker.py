"""How long a new process waits until it has rows, index and first pictures of a finished run.

`python -m tests.bench.full_size_worker --recipe ... --run ...` prints seconds and rows; imports,
which do not grow with the rows, are not counted. What travels to a worker are paths.
"""

import io
import json
import pickle
import sys
import time
from pathlib import Path

import torch
from rich.console import Console

from models.input.evaluation import EvaluationTransform
from models.input.loader import batches
from pipeline import fold_network
from pipeline.job import Job
from pipeline.picture_rows import open_picture_rows
from pipeline.recipe import load_recipe
from reports.desk import ConsoleDesk
from scripts.train_cnn import files_of
from workspace.hashing import HashMemory

BATCH, SIZE = 64, 48


def main(words: list[str]) -> None:
    """As a worker does: paths come in, a batch comes out."""
    given = dict(zip(words[:4:2], words[1:4:2], strict=True))
    run, settings = Path(given["--run"]), words[5::2]
    desk = ConsoleDesk(Console(file=io.StringIO()))
    recipe = load_recipe(given["--recipe"], settings)
    job = Job("train-cnn", recipe, run, HashMemory(run / ".hashes.json"), desk)
    packed = pickle.dumps(files_of(job))
    open_picture_rows.cache_clear()
    assert torch.__version__
    assert fold_network.train_fold_network
    assert len(packed) < 10_000, "paths travel, and neither handles nor rows"
    started = time.perf_counter()
    rows = open_picture_rows(pickle.loads(packed))
    learnt, _ = rows.without(0)
    plan = [learnt.training[:: len(learnt.training) // BATCH][:BATCH]]
    transform = EvaluationTransform(SIZE, (0.5,) * 3, (0.5,) * 3)
    [batch] = batches(rows.pictures, transform, plan, seed=0, epoch=0, workers=2)
    assert batch.pixels.shape == (BATCH, 3, SIZE, SIZE)
    print(json.dumps([time.perf_counter() - started, len(rows.table)]))


if __name__ == "__main__":
    main(sys.argv[1:])
