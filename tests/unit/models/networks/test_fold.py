import numpy as np
import pytest
from models.cascade.fold import best_threshold, watched
from models.cascade.inner import inner_split
from models.cascade.measure import cascade_calls

from workspace.errors import ConfigError


def slow_threshold(positive, probability, what):
    """Every cut between neighbours, the lowest of the best."""
    values = np.unique(probability)
    cuts = [(low + high) / 2 for low, high in zip([0.0, *values[:-1]], values, strict=True)]

    def worth(cut):
        flagged = probability >= cut
        right, wrong = (flagged & positive).sum(), (flagged & ~positive).sum()
        if what == "accuracy":
            return right - wrong
        return right / positive.sum() - wrong / (~positive).sum()

    return max(cuts, key=lambda cut: (worth(cut), -cut))


@pytest.mark.parametrize("what", ["youden", "accuracy"])
def test_the_threshold_is_its_slow_twins(what):
    rng = np.random.default_rng(0)
    for _ in range(200):
        positive = np.r_[True, False, rng.random(rng.integers(1, 30)) < 0.3]
        probability = np.round(rng.random(len(positive)) * 0.6 + 0.3 * positive, 1)
        ours = best_threshold(positive, probability, what)
        assert ours == pytest.approx(slow_threshold(positive, probability, what))


def test_the_inner_rows_are_other_patients_and_have_every_class():
    rng = np.random.default_rng(0)
    groups = rng.integers(0, 30, 300)
    labels = (groups % 3 == 0).astype(int)
    places = np.arange(300) * 2
    learnt, inner = inner_split(places, labels, groups, 5, seed=3)
    assert sorted([*learnt, *inner]) == places.tolist()
    assert not set(groups[learnt // 2]) & set(groups[inner // 2])
    assert set(labels[inner // 2]) == {0, 1}


def test_too_few_patients_of_a_class_are_an_error():
    with pytest.raises(ConfigError, match=r"^inner_folds=5 needs as many patients with each class"):
        inner_split(np.arange(8), np.array([0] * 6 + [1] * 2), np.arange(8), 5, 0)


def test_what_the_inner_rows_are_scored_by():
    share = np.array([[0.9, 0.1], [0.4, 0.6], [0.7, 0.3]])
    assert watched("auc", np.array([0, 1, 0]), share, ("a", "b")) == 1.0
    # Called a, b, a of true a, b, b: F1 of a 2/3, of b 2/3.
    assert watched("macro_f1", np.array([0, 1, 1]), share, ("a", "b")) == pytest.approx(2 / 3)


def test_the_cascade_calls_what_stage_1_lets_on():
    second = np.array([[0.2, 0.8], [0.6, 0.4], [0.1, 0.9]])
    assert cascade_calls(np.array([True, True, False]), second).tolist() == [2, 1, 0]
