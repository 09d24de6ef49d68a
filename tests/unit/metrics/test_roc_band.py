import numpy as np
import pytest

from metrics.bootstrap import BootstrapConfig, draws
from metrics.cohort import cohort
from metrics.curve import curve
from metrics.inputs import checked
from metrics.roc_band import RATES, roc_band, roc_tally, sensitivities_at

CONFIG = BootstrapConfig(replicates=200, seeds=(0, 1))


def drawn(seed, rows=200):
    rng = np.random.default_rng(seed)
    target = np.r_[1, 0, rng.random(rows) < 0.3].astype(int)
    patient = [f"p{number}" for number in rng.integers(0, 100, rows + 2)]
    return target, np.round(rng.random(rows + 2) * 0.7 + 0.3 * target, 1), patient


def twin(target, score, rate):
    """Walk down the distinct scores, a straight line over each; the greatest value at the rate."""
    x = y = best = 0.0
    for at in np.unique(score)[::-1]:
        right = x + np.mean(score[target == 0] == at)
        up = y + np.mean(score[target == 1] == at)
        if right <= rate + 1e-12:
            best = up
        elif x < rate:
            best = y + (up - y) * (rate - x) / (right - x)
        x, y = right, up
    return best


def test_sensitivities_by_hand():
    found = curve(checked([1, 0, 1, 0, 0], [0.9, 0.5, 0.5, 0.5, 0.1]))  # one first, one tied
    assert sensitivities_at(found, [0, 1 / 3, 2 / 3, 0.9]) == pytest.approx([0.5, 0.75, 1, 1])


@pytest.mark.parametrize("seed", range(3))
def test_each_resample_is_the_curve_of_its_repeated_rows(seed):
    target, score, patient = drawn(seed)
    whose = cohort(patient, target)
    counts = next(iter(draws(whose, CONFIG, seed)))[:20]
    found = roc_tally(target, score, whose).of(counts)
    for number, count in enumerate(counts):
        rows = np.repeat(np.arange(len(target)), count[whose.codes].astype(int))
        for rate in RATES:
            expected = twin(target[rows], score[rows], rate)
            assert found[repr(rate)][number] == pytest.approx(expected)


def test_the_band_holds_the_curve_and_is_the_same_again():
    target, score, patient = drawn(0)
    whose = cohort(patient, target)
    found = roc_band(target, score, whose, CONFIG)
    assert list(found) == list(RATES)
    for rate, one in found.items():
        assert one.value == pytest.approx(twin(target, score, rate))
        assert one.low <= one.value <= one.high
        assert (one.unit, one.replicates) == ("patient", 200)
    assert found == roc_band(target, score, whose, CONFIG)
