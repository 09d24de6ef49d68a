"""pAUC and its bootstrap at full size, beside the official computation and the usual loop."""

import statistics
import time
from collections.abc import Callable

import numpy as np

from metrics.bootstrap import BootstrapConfig, draws, interval_of
from metrics.cohort import Cohort, cohort
from metrics.pauc import pauc_above_tpr
from metrics.ranking import ranking_tally
from metrics.retrieval import top_k_retrieval_sensitivity
from tests.bench.record import keep, paired
from tests.unit.metrics.conftest import official_pauc

ROWS, PATIENTS, POSITIVES = 401_059, 1042, 393  # ISIC 2024
LOOPED = 40  # resamples of the loop that are timed; it takes as long for each


def run() -> None:
    """Scores of about the separation of a good public model, on patients of uneven size."""
    rng = np.random.default_rng(0)
    weight = rng.lognormal(0, 1, PATIENTS)
    codes = np.sort(rng.choice(PATIENTS, ROWS, p=weight / weight.sum()))
    target = np.zeros(ROWS, dtype=int)
    target[rng.choice(ROWS, POSITIVES, replace=False)] = 1
    score = 1 / (1 + np.exp(6 - rng.normal(size=ROWS) - 2.3 * target))
    whose = cohort(np.char.mod("IP_%07d", codes), target)
    point = paired(
        lambda: pauc_above_tpr(target, score), lambda: official_pauc(target, score), times=9
    )
    config = BootstrapConfig(seeds=(0,))
    drawn = paired(
        lambda: interval_of(ranking_tally(target, score, whose), whose, config),
        lambda: _loop(target, score, whose),
        times=3,
    )
    rows = [
        {
            "what": f"pAUC of {ROWS:,} rows; theirs: the official ROC curve",
            "ours, s": point["ours_s"],
            "theirs, s": point["theirs_s"],
            "ratio": point["ratio"],
        },
        {
            "what": "1,000 patient resamples, with intervals for pAUC, AUC and average precision; "
            f"theirs: a loop over resamples, pAUC alone, {LOOPED} timed and scaled",
            "ours, s": drawn["ours_s"],
            "theirs, s": drawn["theirs_s"] * 1000 / LOOPED,
            "ratio": drawn["ratio"] * 1000 / LOOPED,
        },
        _one_large_patient(target, score, codes),
    ]
    keep(
        "metrics",
        "pAUC and its patient bootstrap",
        f"{ROWS:,} drawn scores, {PATIENTS:,} patients, {POSITIVES} positives.",
        rows,
    )


def _loop(target: np.ndarray, score: np.ndarray, whose: Cohort) -> None:
    """What is usually written: gather each drawn patient's rows, compute, repeat."""
    rows = np.split(np.arange(ROWS), np.flatnonzero(np.diff(whose.codes)) + 1)
    config = BootstrapConfig(replicates=LOOPED, seeds=(0,))
    for counts in draws(whose, config, seed=0):
        for replicate in counts.astype(int):
            drawn = np.repeat(np.arange(whose.size), replicate)
            index = np.concatenate([rows[patient] for patient in drawn])
            official_pauc(target[index], score[index])


def _one_large_patient(
    target: np.ndarray, score: np.ndarray, codes: np.ndarray
) -> dict[str, object]:
    """One patient of 9,000 lesions and 500 of one, against the same rows spread evenly."""
    n = 9_500
    uneven = np.r_[np.zeros(9_000, dtype=int), 1 + np.arange(500)]
    even = np.sort(np.arange(n) % 501)
    first = np.r_[np.flatnonzero(target == 1)[:60], np.flatnonzero(target == 0)[: n - 60]]
    chosen = np.random.default_rng(0).permutation(first)
    seconds = [
        _median(lambda c=codes: _all(target[chosen], score[chosen], c)) for codes in (uneven, even)
    ]
    return {
        "what": "tally, intervals and top-15 of 9,500 rows; ours: one patient has 9,000 of them, "
        "theirs: all patients alike",
        "ours, s": seconds[0],
        "theirs, s": seconds[1],
        "ratio": seconds[1] / seconds[0],
    }


def _all(target: np.ndarray, score: np.ndarray, codes: np.ndarray) -> None:
    whose = cohort(np.char.mod("IP_%07d", codes), target)
    interval_of(ranking_tally(target, score, whose), whose, BootstrapConfig(seeds=(0,)))
    top_k_retrieval_sensitivity(target, score, whose)


def _median(work: Callable[[], object], times: int = 9) -> float:
    seconds = []
    for _ in range(times):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)
