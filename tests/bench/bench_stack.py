"""A matrix of 401,059 x 1,600: what a fold costs in memory, and a tuning trial in time.

A trial is measured as `make tune` carries it out on an inner fold, held-out scores included, at the
default number of rounds: on bins of an earlier trial, binning all rows anew, and as plain code
does, which samples first and bins the sampled rows alone.
"""

import json
import resource
import sys
import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import polars as pl

from stacking.boosters.booster import Binned
from stacking.boosters.lightgbm import LightGBMConfig
from stacking.config import StackConfig
from stacking.fold import Trained, train_fold
from stacking.matrix import Matrix, Source, assemble
from stacking.sampling import sampled
from tests.bench.drawn import AS_STAGES, ROOT, is_small, rows_asked
from tests.bench.record import in_child, keep
from workspace.arrays import Bools, Floats

ROWS, POSITIVES = rows_asked(), 40 if is_small() else 393
COLUMNS, BLOCKS, FOLDS = 40 if is_small() else 1600, 4, 5


def run() -> None:
    """The measurement in a child, whose peak is its own."""
    command = [sys.executable, "-m", "tests.bench.bench_stack"]
    child = in_child(command, cwd=ROOT, env=AS_STAGES)
    found = json.loads(child.output.splitlines()[-1])
    size = ROWS * COLUMNS * 4 / 2**30
    rows: list[dict[str, object]] = [
        {"what": "the matrix, GB", "value": size},
        {"what": "peak of the process (matrix, bins, a fold trained), GB",
         "value": found["peak_gb"]},
        {"what": "peak / matrix", "value": found["peak_gb"] / size},
        {"what": "assembling it from 4 sources by id, s", "value": found["assemble_s"]},
        {"what": "binning a fold's training rows, once a fold, s", "value": found["bin_s"]},
        {"what": "a fold of one booster, 20 rounds, with scores and SHAP, s",
         "value": found["fold_s"]},
        *_trial_rows(found),
    ]  # fmt: skip
    keep(
        "stack",
        f"A matrix of {ROWS:,} x {COLUMNS:,}",
        f"Random numbers, {POSITIVES} positives, five folds; sampling as by default. A trial is "
        "one inner fold of one, with its scores, each way once. It meets kept bins where an "
        "earlier trial of its study and process had the same columns, and there was room to keep "
        "them (pipeline/tuning.py); else it bins anew.",
        rows,
        small=is_small(),
    )


def _trial_rows(found: Mapping[str, Any]) -> list[dict[str, object]]:
    """Of a trial; what keeping bins saves is said against both who would bin."""
    kept = found["kept_s"]
    return [
        {"what": f"a trial on kept bins, {found['rounds']} rounds, processor s", "value": kept},
        {"what": "the same, binning all training rows anew, processor s",
         "value": found["anew_s"]},
        {"what": "trial: anew / kept", "value": found["anew_s"] / kept},
        {"what": f"the same by plain code, binning its {found['sampled']:,} sampled rows, "
         "processor s", "value": found["plain_s"]},
        {"what": "trial: plain / kept", "value": found["plain_s"] / kept},
    ]  # fmt: skip


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
    target[rng.choice(ROWS, POSITIVES, replace=False)] = 1
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
    brief, stack = LightGBMConfig(rounds=20), StackConfig(seeds=1, shap_rows=500)
    fold_s, _ = _timed(lambda: train_fold(matrix, 0, stack, brief, 0, lambda *_: None))
    training = rows["fold"].to_numpy() != 0
    target = rows["target"].to_numpy()[training].astype(np.float64)
    blocks = matrix.blocks(training)
    bin_s, binned = _timed(lambda: brief.bin_rows(blocks, target, matrix.columns))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # before the other sides' copies
    return {
        "assemble_s": assemble_s, "bin_s": bin_s, "fold_s": fold_s, "peak_gb": peak / 2**20,
        **_trials(matrix, training, target, binned),
    }  # fmt: skip


def _trials(matrix: Matrix, training: Bools, target: Floats, binned: Binned) -> dict[str, object]:
    """Processor seconds of a trial, three ways."""
    trial = LightGBMConfig(min_data_in_leaf=40, num_leaves=31)
    stack = StackConfig(seeds=1, shap_rows=0)

    def fold(bins: dict[int, Binned] | None) -> Trained:
        return train_fold(matrix, 0, stack, trial, 0, lambda *_: None, bins=bins)

    kept_s, kept = _used(partial(fold, {0: binned}))
    anew_s, anew = _used(partial(fold, None))
    assert kept.models == anew.models
    indices = sampled(target == 1, stack, 0)
    drawn, held = np.flatnonzero(training)[indices], np.flatnonzero(~training)

    def plain() -> Floats:
        rows = trial.bin_rows([matrix.values[drawn]], target[indices], matrix.columns)
        return rows.grow(np.arange(len(drawn)), 1, trial.rounds).log_odds(matrix.values[held])

    plain_s, _ = _used(plain)
    return {
        "kept_s": kept_s, "anew_s": anew_s, "plain_s": plain_s,
        "rounds": trial.rounds, "sampled": len(indices),
    }  # fmt: skip


if __name__ == "__main__":
    print(json.dumps(_measure()))
