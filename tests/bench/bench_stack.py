"""A matrix of 401,059 x 1,600: what a fold costs in memory, and a tuning trial in time.

The other side of the trial does as plain code: sample first, then bin the sampled rows alone and
train on these. A trial has the default number of rounds, and is measured in processor seconds.
"""

import json
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl

from stacking.boosters.lightgbm import LightGBMConfig, LightGBMRows
from stacking.config import StackConfig
from stacking.fold import train_fold
from stacking.matrix import Matrix, Source, assemble
from stacking.sampling import sampled
from tests.bench.record import in_child, keep

ROOT = Path(__file__).resolve().parents[2]
ROWS, COLUMNS, BLOCKS, FOLDS = 401_059, 1600, 4, 5


def run() -> None:
    """The measurement in a child, whose peak is its own."""
    child = in_child([sys.executable, "-m", "tests.bench.bench_stack"], cwd=ROOT)
    found = json.loads(child.output.splitlines()[-1])
    size = ROWS * COLUMNS * 4 / 2**30
    rows: list[dict[str, object]] = [
        {"what": "the matrix, GB", "value": size},
        {"what": "peak of the process (matrix, bins, a fold trained), GB", "value": child.peak_gb},
        {"what": "peak / matrix", "value": child.peak_gb / size},
        {"what": "assembling it from 4 sources by id, s", "value": found["assemble_s"]},
        {"what": "binning a fold's training rows, once a fold, s", "value": found["bin_s"]},
        {"what": "a fold of one booster, 20 rounds, with scores and SHAP, s",
         "value": found["fold_s"]},
        {"what": f"a tuning trial on kept bins, {found['rounds']} rounds, processor s",
         "value": found["kept_s"]},
        {"what": f"the same, binning its {found['sampled']:,} sampled rows, processor s",
         "value": found["plain_s"]},
        {"what": "trial: plain / kept", "value": found["plain_s"] / found["kept_s"]},
        {"what": "a trial of 20 rounds on kept bins and on all rows binned anew: the same bytes",
         "value": str(found["same"])},
    ]  # fmt: skip
    keep(
        "stack",
        "A matrix of 401,059 x 1,600",
        "Random numbers, 393 positives, five folds; sampling as by default.",
        rows,
    )


def _source(number: int, ids: pl.Series) -> Source:
    names = tuple(f"emb_{number}_{column}" for column in range(COLUMNS // BLOCKS))

    def read(wanted: Sequence[str]) -> pl.DataFrame:
        if list(wanted) == [ids.name]:
            return ids.to_frame()
        stream = np.random.default_rng([number, names.index(wanted[0])])
        values = stream.random((len(wanted), len(ids)), dtype=np.float32)
        return pl.DataFrame([*map(pl.Series, wanted, values)])

    return Source(f"block {number}", names, read)


def _used(work):
    started = time.process_time()
    result = work()
    return time.process_time() - started, result


def _rows() -> pl.DataFrame:
    rng = np.random.default_rng(0)
    target = np.zeros(ROWS, dtype=np.int8)
    target[rng.choice(ROWS, 393, replace=False)] = 1
    fold = np.sort(np.arange(ROWS) % FOLDS).astype(np.int16)
    ids = pl.Series("isic_id", [f"ISIC_{number:07d}" for number in range(ROWS)])
    return pl.DataFrame({"isic_id": ids, "fold": fold, "target": target, "group_id": ids})


def _timed(work):
    started = time.perf_counter()
    result = work()
    return time.perf_counter() - started, result


def _measure() -> dict[str, object]:
    rows = _rows()
    sources = [_source(number, rows["isic_id"]) for number in range(BLOCKS)]
    assemble_s, matrix = _timed(lambda: assemble(rows, sources))
    config, stack = LightGBMConfig(rounds=20), StackConfig(seeds=1, shap_rows=500)
    fold_s, _ = _timed(lambda: train_fold(matrix, 0, stack, config, 0, lambda done, total: None))
    training = rows["fold"].to_numpy() != 0
    target = rows["target"].to_numpy()[training].astype(np.float64)
    bin_s, kept = _timed(lambda: _binned(matrix, training, target, config))
    indices = sampled(target == 1, stack, 0)
    trial = config.model_copy(update={"min_data_in_leaf": 40, "num_leaves": 31})
    rounds = LightGBMConfig().rounds
    kept = kept.with_config(trial)
    kept_s, _ = _used(partial(kept.grow, indices, 1, rounds))
    kept_text = kept.grow(indices, 1, trial.rounds).save()
    del kept  # or two sets of bins would be measured
    drawn = np.flatnonzero(training)[indices]

    def plain() -> object:
        values = matrix.values[drawn]
        return trial.bin_rows([values], target[indices], matrix.columns).grow(
            np.arange(len(drawn)), 1, rounds
        )

    plain_s, _ = _used(plain)
    other = _binned(matrix, training, target, trial).grow(indices, 1, trial.rounds)
    return {
        "assemble_s": assemble_s, "bin_s": bin_s, "fold_s": fold_s,
        "kept_s": kept_s, "plain_s": plain_s, "rounds": rounds, "sampled": len(indices),
        "same": kept_text == other.save(),
    }  # fmt: skip


def _binned(
    matrix: Matrix, training: np.ndarray, target: np.ndarray, config: LightGBMConfig
) -> LightGBMRows:
    return config.bin_rows(matrix.blocks(training), target, matrix.columns)


if __name__ == "__main__":
    print(json.dumps(_measure()))
