import numpy as np
import pytest

from models.networks.threshold import best_threshold


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
