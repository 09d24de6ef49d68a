import json
from itertools import pairwise

import numpy as np
import pytest
from scipy.special import expit, logit
from sklearn import metrics as sklearn
from sklearn.calibration import calibration_curve
from sklearn.linear_model import LogisticRegression

from metrics.bootstrap import BootstrapConfig, difference, draws, interval_of
from metrics.calibration import (
    bin_edges,
    brier,
    calibration_tally,
    expected_calibration_error,
    log_loss,
    reliability,
    slope_and_intercept,
)
from metrics.cohort import cohort
from metrics.rates import Rate
from metrics.support import NO_INTERVAL, NONE_OF_A_DISTANCE
from tests.unit.metrics.conftest import rows_drawn
from workspace.errors import ConfigError, DataError

TARGET, PROBABILITY = [0, 1, 0, 1, 1], [0.1, 0.2, 0.3, 0.8, 0.9]


def drawn(rng, n=2000, slope=1.0, shift=0.0, middle=-2.0, spread=1.5):
    """Logits of which slope * logit + shift is true."""
    x = rng.normal(middle, spread, n)
    return (rng.random(n) < expit(slope * x + shift)).astype(int), expit(x)


def skewed(rng, n):
    """Most at 0.001, a few up to 0.9."""
    _, p = drawn(rng, n, middle=-7.0, spread=1.8)
    return (rng.random(n) < expit(0.8 * logit(p) - 0.3)).astype(int), np.minimum(p, 0.9)


def refused(kind, message, call, *given):
    with pytest.raises(kind) as error:
        call(*given)
    assert str(error.value) == message
    assert len(message) <= 280


def fitted_slope(target, p):
    model = LogisticRegression(C=np.inf, tol=1e-12, solver="newton-cholesky", max_iter=1000)
    return model.fit(logit(p)[:, None], target).coef_[0, 0]


def test_by_hand():
    assert brier(TARGET, PROBABILITY) == pytest.approx((0.01 + 0.64 + 0.09 + 0.04 + 0.01) / 5)
    product = 0.9 * 0.2 * 0.7 * 0.8 * 0.9
    assert log_loss(TARGET, PROBABILITY) == pytest.approx(-np.log(product) / 5)
    # In two bins: 0.6 / 3 stated and 1 / 3 observed, then 1.7 / 2 and 2 / 2.
    expected = 3 / 5 * (1 / 3 - 0.2) + 2 / 5 * 0.15
    assert expected_calibration_error(TARGET, PROBABILITY, bins=2) == pytest.approx(expected)


def test_brier_score_and_log_loss_equal_scikit_learn():
    rng = np.random.default_rng(0)
    for _ in range(20):
        target, p = drawn(rng, 300)
        p[:20] = rng.integers(0, 2, 20)  # certainties, some of them wrong
        assert brier(target, p) == pytest.approx(sklearn.brier_score_loss(target, p), rel=1e-12)
        assert log_loss(target, p) == pytest.approx(sklearn.log_loss(target, p), rel=1e-12)


@pytest.mark.parametrize(("by", "strategy"), [("width", "uniform"), ("mass", "quantile")])
def test_reliability_equals_scikit_learn(by, strategy):
    rng = np.random.default_rng(1)
    for _ in range(20):
        target, p = drawn(rng, 500)
        p = np.where(rng.random(500) < 0.4, np.round(p, 1), p)  # ties, on edges and at both ends
        observed, stated = calibration_curve(target, p, n_bins=10, strategy=strategy)
        points = reliability(target, p, bins=10, by=by)
        filled = [point for point in points if point["n"]]
        assert [point["mean_probability"] for point in filled] == pytest.approx(stated)
        assert [point["observed"] for point in filled] == pytest.approx(observed)
        gap = [point["n"] * abs(point["mean_probability"] - point["observed"]) for point in filled]
        found = expected_calibration_error(target, p, bins=10, by=by)
        assert found == pytest.approx(sum(gap) / 500)


def test_a_point_has_its_edges_counts_and_interval_and_an_empty_bin_is_kept():
    points = reliability([0, 1, 0, 1, 1], [0.1, 0.2, 0.3, 0.8, 0.9], bins=3)
    low, high = Rate(1, 3).interval()
    assert points[0] == {
        "low": 0.0,
        "high": pytest.approx(1 / 3),
        "n": 3,
        "positives": 1,
        "mean_probability": pytest.approx(0.2),
        "observed": 1 / 3,
        "observed_low": low,
        "observed_high": high,
    }
    assert points[1] == {
        "low": pytest.approx(1 / 3),
        "high": pytest.approx(2 / 3),
        "n": 0,
        "positives": 0,
        "mean_probability": None,
        "observed": None,
        "observed_low": None,
        "observed_high": None,
    }
    assert json.loads(json.dumps(points, allow_nan=False)) == points


def test_edges_by_mass_are_quantiles_with_equal_ones_merged():
    assert bin_edges(np.arange(101) / 100, 4, "mass") == pytest.approx([0, 0.25, 0.5, 0.75, 1])
    many_alike = [0.1] * 6 + [0.2, 0.4, 0.6, 0.8]
    edges = bin_edges(many_alike, 5, "mass")
    assert edges == pytest.approx([0.1, 0.1, 0.14, 0.44, 0.8])  # places 0, 1.8, .., 7.2 and 9
    points = reliability([0, 1] * 5, many_alike, 5, "mass")
    assert [point["n"] for point in points] == [6, 0, 2, 2]
    assert bin_edges([0.3, 0.3], 5, "mass").tolist() == [0.3, 0.3]
    [point] = reliability([0, 1], [0.3, 0.3], 5, "mass")
    assert (point["n"], point["observed"]) == (2, 0.5)


def test_an_edge_belongs_to_the_bin_below_it():
    points = reliability([0, 0, 0, 1], [0.0, 0.5, 0.51, 1.0], bins=2)
    assert [point["n"] for point in points] == [2, 2]


def test_the_slope_equals_scikit_learn():
    rng = np.random.default_rng(2)
    for slope, shift in [(1, 0), (0.4, 1), (2, -1), (-0.5, 0)]:
        target, p = drawn(rng, 1000, slope, shift)
        found, _ = slope_and_intercept(target, p)
        assert found == pytest.approx(fitted_slope(target, p), rel=1e-7)


def test_the_intercept_makes_as_many_expected_as_there_are():
    target, p = drawn(np.random.default_rng(3), 1000, shift=0.8)
    _, intercept = slope_and_intercept(target, p)
    assert expit(logit(p) + intercept).sum() == pytest.approx(target.sum(), rel=1e-12)
    # 3 of 4 where every p is 1/2: odds of 3.
    assert slope_and_intercept([1, 1, 1, 0], [0.5] * 4)[1] == pytest.approx(np.log(3))


def test_perfect_probabilities_have_slope_1_and_intercept_0():
    target, p = drawn(np.random.default_rng(4), 200_000)
    assert slope_and_intercept(target, p) == pytest.approx((1, 0), abs=0.02)
    assert expected_calibration_error(target, p) < 0.004


def test_doubled_logits_halve_the_slope_and_a_shift_of_all_moves_the_intercept():
    target, p = drawn(np.random.default_rng(5), 200_000)
    slope, _ = slope_and_intercept(target, p)
    assert slope_and_intercept(target, expit(2 * logit(p)))[0] == pytest.approx(slope / 2)
    too_high = expit(logit(p) + 1)
    assert slope_and_intercept(target, too_high)[0] == pytest.approx(slope)
    assert slope_and_intercept(target, too_high)[1] == pytest.approx(-1, abs=0.02)


@pytest.mark.parametrize(
    ("target", "p", "defined"),
    [
        ([0, 0, 0], [0.1, 0.2, 0.3], (False, False)),
        ([1, 1, 1], [0.1, 0.2, 0.3], (False, False)),
        ([0, 0, 1, 1], [0.1, 0.2, 0.3, 0.4], (False, True)),  # separated
        ([1, 1, 0, 0], [0.1, 0.2, 0.3, 0.4], (False, True)),
        ([0, 0, 1, 1], [0.1, 0.2, 0.2, 0.4], (False, True)),  # they touch
        ([0, 1, 0, 1], [0.2, 0.2, 0.2, 0.2], (False, True)),
        ([0, 1, 0, 1], [0.1, 0.2, 0.3, 0.4], (True, True)),
        ([0, 0, 1], [0.0, 0.0, 1.0], (False, True)),
        ([0, 1, 0, 1], [0.0, 0.0, 1.0, 1.0], (True, True)),
    ],
)
def test_no_finite_answer_is_nan_never_a_wild_number(target, p, defined):
    found = slope_and_intercept(target, p)
    assert tuple(np.isfinite(found)) == defined
    assert all(abs(value) < 40 for value in found if np.isfinite(value))
    tallied = calibration_tally(target, p, cohort(None, target)).point()
    for name, value in zip(("calibration_slope", "calibration_intercept"), found, strict=True):
        assert tallied[name] == pytest.approx(value, nan_ok=True, abs=1e-12)


def test_slope_and_intercept_are_found_however_far_away_they_are():
    rng = np.random.default_rng(6)
    for _ in range(300):
        x = np.clip(rng.normal(scale=10 ** rng.uniform(-2, 1), size=12), -30, 30)
        x += rng.normal(scale=5)
        p = expit(np.repeat(x, 40))
        target = np.tile(np.arange(40) < 2, 12)
        target[rng.integers(len(target), size=rng.integers(400))] = 1
        slope, intercept = slope_and_intercept(target, p)
        miss = target - expit(logit(p) + intercept)
        assert miss.sum() == pytest.approx(0, abs=1e-6)
        assert np.isfinite(slope)


def test_certainties_that_are_often_wrong_still_have_an_intercept():
    # All logits are 34.5 or -34.5, and between them the likelihood is flat.
    certain = logit(1 - 1e-15)
    for said, ill in [(10, 9), (50, 30), (80, 1)]:
        p, target = np.arange(100) < said, np.arange(100) < ill
        _, intercept = slope_and_intercept(target, p.astype(float))
        assert intercept == pytest.approx(logit(ill / said) - certain, abs=1e-6)
    # As often too high as too low: 80 exp(a + low) = 20 exp(-a - high), lost in p near 1.
    ill = (np.arange(100) >= 10) & (np.arange(100) < 30)
    _, intercept = slope_and_intercept(ill, np.arange(100) < 20)
    assert intercept == pytest.approx((np.log(20 / 80) - certain - logit(1e-15)) / 2)


def patients(rng, n, size):
    return np.char.mod("IP_%d", rng.integers(0, size, n))


@pytest.mark.parametrize("by", ["width", "mass"])
def test_a_tally_equals_each_resample_written_out(by):
    rng = np.random.default_rng(7)
    target, p = drawn(rng, 600)
    whose = cohort(patients(rng, 600, 30), target)
    edges = bin_edges(p, 15, by)
    tally = calibration_tally(target, p, whose, by=by)
    for counts in draws(whose, BootstrapConfig(replicates=30), seed=0):
        found = tally.of(counts)
        for number, count in enumerate(counts):
            rows = rows_drawn(whose, count)
            t, q = target[rows], p[rows]
            bins = [(q > low) & (q <= high) for low, high in pairwise(edges)]
            bins[0] |= q == edges[0]
            gaps = [abs(q[b].mean() - t[b].mean()) * b.sum() for b in bins if b.any()]
            expected = {
                "brier": sklearn.brier_score_loss(t, q),
                "log_loss": sklearn.log_loss(t, q),
                "ece": sum(gaps) / len(t),
            }
            for name, value in expected.items():
                assert found[name][number] == pytest.approx(value, abs=1e-9), name
            slope, intercept = slope_and_intercept(t, q)
            assert found["calibration_slope"][number] == pytest.approx(slope, rel=1e-6)
            assert found["calibration_intercept"][number] == pytest.approx(intercept, abs=1e-6)


def test_resamples_without_a_slope_are_counted():
    target, p = [0, 1, 0, 1], [0.1, 0.2, 0.3, 0.4]
    whose = cohort(list("abcd"), target)
    config = BootstrapConfig(replicates=400, seeds=(0,), stratified=False)
    found = interval_of(calibration_tally(target, p, whose), whose, config)
    assert found["brier"].undefined == 0
    assert found["calibration_intercept"].undefined / 400 == pytest.approx(2 / 2**4, abs=0.04)
    # Only the second positive below the third, negative row keeps the two from being separated.
    assert found["calibration_slope"].undefined > found["calibration_intercept"].undefined


def test_three_patients_with_a_positive_are_no_basis_for_any_calibration_interval():
    rng = np.random.default_rng(3)
    ids = np.repeat(np.char.mod("%03d", np.arange(400)), 5)
    target = (np.arange(2000) % 700 == 0).astype(int)
    whose = cohort(ids, target)
    found = interval_of(calibration_tally(target, rng.random(2000) / 9, whose), whose)
    assert {(each.patients, each.low) for each in found.values()} == {(3, None)}
    assert {each.reason for name, each in found.items() if name != "ece"} == {NO_INTERVAL}


def test_a_calibration_error_has_no_interval_which_could_not_cover_that_of_a_perfect_model():
    """Its resamples lie above 0, and above the value itself, though the truth is 0."""
    rng = np.random.default_rng(3)
    p = expit(rng.normal(-3, 1.2, 2000))
    target = rng.random(2000) < p
    whose = cohort(np.char.mod("%03d", np.arange(2000) // 10), target)
    tally = calibration_tally(target, p, whose, by="mass")
    drawn_again = tally.of(next(draws(whose, BootstrapConfig(replicates=100), seed=0)))["ece"]
    assert 0 < tally.point()["ece"] < np.quantile(drawn_again, 0.1)
    for each in (tally, difference(tally, tally)):
        found = interval_of(each, whose, BootstrapConfig(replicates=100))
        assert (found["ece"].low, found["ece"].reason) == (None, NONE_OF_A_DISTANCE)
        assert found["brier"].patients >= 20
    assert interval_of(tally, whose)["brier"].low is not None


def test_the_grid_moves_the_slope_by_less_than_a_ten_thousandth():
    rng = np.random.default_rng(8)
    for zeros in (0, 500):
        target, p = skewed(rng, 50_000)
        p[:zeros], target[:zeros] = 0.0, 0
        slope, intercept = slope_and_intercept(target, p)
        whose = cohort(patients(rng, len(p), 200), target)
        tally = calibration_tally(target, p, whose)
        point = tally.point()
        assert point["calibration_slope"] == pytest.approx(slope, rel=1e-4)
        assert point["calibration_intercept"] == pytest.approx(intercept, abs=1e-4)
        assert point["brier"] == pytest.approx(brier(target, p), rel=1e-12)
        counts = next(draws(whose, BootstrapConfig(replicates=3), seed=0))
        found = tally.of(counts)["calibration_slope"]
        for number, count in enumerate(counts):
            rows = rows_drawn(whose, count)
            again, _ = slope_and_intercept(target[rows], p[rows])
            assert found[number] == pytest.approx(again, rel=1e-4)


def test_single_rows_are_of_few_kinds_and_their_metrics_the_same():
    target, p = skewed(np.random.default_rng(9), 50_000)
    whose = cohort(None, target)
    tally = calibration_tally(target, p, whose)
    assert len(tally.kinds(whose.strata).alike) < 5000
    found = tally.point()
    assert found["brier"] == pytest.approx(brier(target, p), rel=1e-12)
    assert found["log_loss"] == pytest.approx(log_loss(target, p), rel=1e-12)
    assert found["ece"] == pytest.approx(expected_calibration_error(target, p), abs=1e-12)


def test_what_is_no_probability_or_no_bin_is_refused():
    outside = "Probabilities must lie from 0 to 1; found 2 values outside: [-0.5, 1.5]."
    whose = cohort(None, [0, 1])
    refused(DataError, outside, brier, [0, 1], [-0.5, 1.5])
    refused(DataError, outside, log_loss, [0, 1], [-0.5, 1.5])
    refused(DataError, outside, reliability, [0, 1], [-0.5, 1.5])
    refused(DataError, outside, slope_and_intercept, [0, 1], [-0.5, 1.5])
    refused(DataError, outside, calibration_tally, [0, 1], [-0.5, 1.5], whose)
    none = "Calibration is asked for in 0 bins; it needs 1 at least."
    refused(ConfigError, none, expected_calibration_error, [0, 1], [0.1, 0.2], 0)
    other = "Calibration bins are by 'width' or by 'mass', not by 'size'."
    refused(ConfigError, other, calibration_tally, [0, 1], [0.1, 0.2], whose, 5, "size")
