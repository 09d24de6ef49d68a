import numpy as np
import pytest

from metrics.operating import at_threshold, threshold_for_sensitivity
from metrics.thresholds import flagged_from

WANTED = (0.6, 0.8, 0.9, 0.95)


def drawn(seed, rows=300, ties=True):
    rng = np.random.default_rng(seed)
    target = np.r_[1, 0, rng.random(rows) < 0.2].astype(int)
    score = rng.random(rows + 2) * 0.7 + 0.3 * target
    return target, np.round(score, 2) if ties else score


def test_thresholds_by_hand():
    target, score = [1, 0, 1, 0, 1, 0], [0.9, 0.8, 0.5, 0.5, 0.5, 0.1]
    found = flagged_from(target, score)
    assert found.thresholds.tolist() == [0.5, 0.9]
    assert (found.tp.tolist(), found.fp.tolist()) == ([3, 1], [2, 0])
    assert (found.positives, found.negatives) == (3, 3)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("most", [512, 20])
@pytest.mark.parametrize("ties", [True, False])
def test_counts_are_those_of_the_threshold_s_own_computation(seed, most, ties):
    target, score = drawn(seed, ties=ties)
    found = flagged_from(target, score, WANTED, most)
    assert set(found.thresholds.tolist()) <= set(score.tolist())
    for threshold, tp, fp in zip(found.thresholds, found.tp, found.fp, strict=True):
        assert at_threshold(target, score, threshold)["counts"] == {
            "tp": tp, "fp": fp, "fn": found.positives - tp, "tn": found.negatives - fp,
        }  # fmt: skip


def test_of_few_positives_every_step_of_the_curve_is_there():
    target, score = drawn(0)
    steps = {(score[target == 1] >= each).sum() for each in score} - {0}
    assert set(flagged_from(target, score).tp.tolist()) == steps


def test_of_many_positives_the_ends_and_those_asked_for_are_kept():
    target, score = drawn(1, rows=20_000, ties=False)
    found = flagged_from(target, score, WANTED, most=50)
    positives = score[target == 1]
    assert len(found.thresholds) <= 50
    assert (found.thresholds[0], found.thresholds[-1]) == (positives.min(), positives.max())
    for wanted in WANTED:
        assert threshold_for_sensitivity(target, score, wanted) in found.thresholds
    assert -np.diff(found.tp).min() <= 1 + found.positives / 45  # evenly
    assert np.all(np.diff(found.thresholds) > 0)
