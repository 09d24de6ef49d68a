"""What scores are worth on a holdout: each seed at its own threshold, paired, over seeds."""

import numpy as np
import pytest

from metrics.ranking import auc
from metrics.score_sheet import ScoreConfig
from models.distill import measure
from models.distill.config import DistillConfig
from models.distill.measure import Answers, Holdout, Side
from models.networks.measure import mean_tally

SCORE = ScoreConfig(replicates=200, seeds=(0,))
RNG = np.random.default_rng(0)
POSITIVE = np.arange(120) % 3 == 0  # 40 of 120


def side(positive=POSITIVE, patient=None):
    return Side(positive, [f"p{n}" for n in range(len(positive))] if patient is None else patient)


def holdout():
    config = DistillConfig(sensitivity=0.95, kept=(1.0, 0.5))
    return Holdout(side(), side(), config, SCORE)


def noisy(seed, much=0.25):
    """Probabilities that know the target more or less."""
    rng = np.random.default_rng(seed)
    return np.clip(0.3 + 0.4 * POSITIVE + much * rng.standard_normal(120), 0.001, 0.999)


def answers(*seeds, much=0.25):
    return Answers({s: noisy(s + 50, much) for s in seeds}, {s: noisy(s, much) for s in seeds})


def test_every_seed_has_the_threshold_of_its_own_validation_rows():
    said = answers(0, 1)
    sheet = measure.worth(holdout(), said)
    for seed in (0, 1):
        positives = np.sort(said.validation[seed][POSITIVE])[::-1]
        assert sheet["thresholds"][str(seed)] == positives[37]  # 38 of 40 are .95
        flagged = said.test[seed] >= positives[37]
        metrics = sheet["metrics"]
        rates = flagged[POSITIVE].mean(), (~flagged)[~POSITIVE].mean()
        assert metrics["sensitivity"]["by_seed"][seed] == pytest.approx(rates[0])
        assert metrics["specificity"]["by_seed"][seed] == pytest.approx(rates[1])
    for name in ("sensitivity", "specificity", "auc", "brier"):
        found = sheet["metrics"][name]
        assert found["value"] == pytest.approx(np.mean(found["by_seed"]))
        assert found["low"] < found["value"] < found["high"]
    assert sheet["metrics"]["auc"]["by_seed"][1] == pytest.approx(auc(POSITIVE, said.test[1]))
    assert (sheet["n"], sheet["positives"]) == (120, 40)
    assert [len(points) > 1 for points in sheet["reliability"].values()] == [True, True]


def test_ends_before_they_are_bounded_stay_beside_them_and_one_seed_says_why_it_has_none():
    found = measure.worth(holdout(), answers(0, 1, much=0.05))["metrics"]["sensitivity"]
    low, high = found["unbounded"]
    assert (found["low"], found["high"]) == (max(low, 0.0), min(high, 1.0))
    assert low < 0
    alone = measure.worth(holdout(), answers(0))["metrics"]["auc"]
    assert (alone["low"], alone["reason"]) == (None, measure.ONE_SEED)


def test_luck_alone_keeps_a_calibration_error_above_zero_so_it_has_no_interval():
    found = measure.worth(holdout(), answers(0, 1))["metrics"]["ece"]
    assert found["low"] is None
    assert found["value"] > 0


def test_a_mean_of_seeds_that_are_all_right_is_as_sure_as_its_patients():
    sure = np.where(POSITIVE, 0.9, 0.1)
    both = Answers({0: sure, 1: sure}, {0: sure, 1: sure})
    found = measure.worth(holdout(), both)["metrics"]["specificity"]
    assert found["value"] == found["high"] == 1.0
    assert 0.9 < found["low"] < 0.99  # Wilson's of 80


def test_the_difference_is_paired_by_rows_and_seeds():
    ours, other = answers(0, 1, much=0.2), answers(0, 1, much=0.4)
    minus = measure.held_against(holdout(), ours, other)
    for name in measure.COMPARED:
        one, two = (measure.worth(holdout(), each)["metrics"][name] for each in (ours, other))
        assert minus[name]["value"] == pytest.approx(one["value"] - two["value"])
        by_seed = np.subtract(one["by_seed"], two["by_seed"])
        assert minus[name]["by_seed"] == pytest.approx(by_seed)
    same = measure.held_against(holdout(), ours, ours)
    assert (same["auc"]["value"], same["auc"]["by_seed"]) == (0, [0, 0])


def test_one_seed_says_nothing_of_luck():
    assert measure.worth(holdout(), answers(0))["metrics"]["auc"]["low"] is None


def test_lesions_are_drawn_whole():
    apart = measure.worth(holdout(), answers(0, 1))["metrics"]["auc"]
    pairs = [f"p{n // 6}" for n in range(120)]
    whole = Holdout(side(), side(patient=pairs), holdout().config, SCORE)
    joined = measure.worth(whole, answers(0, 1))["metrics"]["auc"]
    assert joined["unit"] == "patient"
    assert joined["patients"] < apart["patients"]


def test_the_curve_leaves_out_the_least_certain_first():
    whole, half = measure.worth(holdout(), answers(0, 1))["abstention"]
    assert (whole["share"], whole["kept"]["value"]) == (1.0, 1.0)
    assert 0.3 < half["kept"]["value"] < 0.7
    assert half["error"]["value"] < whole["error"]["value"]
    metrics = measure.worth(holdout(), answers(0, 1))["metrics"]
    assert whole["specificity"]["value"] == pytest.approx(metrics["specificity"]["value"])


def test_two_splits_differ_by_both_their_intervals():
    one, two = ({"value": v, "low": v - 0.03, "high": v + 0.04, "level": 0.95} for v in (0.9, 0.8))
    found = measure.between_splits(one, two)
    assert found["value"] == pytest.approx(0.1)
    assert found["low"] == pytest.approx(0.1 - 0.05)  # .03 below and .04 above: a 3-4-5
    assert found["high"] == pytest.approx(0.1 + 0.05)
    cut = {**one, "high": 1.0, "unbounded": [one["low"], 1.2]}
    whole = {**one, "high": 1.2}
    assert measure.between_splits(cut, two)["high"] == measure.between_splits(whole, two)["high"]
    assert measure.between_splits(two, cut)["low"] == measure.between_splits(two, whole)["low"]
    bare = {"value": 0.8, "low": None, "high": None, "level": 0.95}
    assert measure.between_splits(one, bare)["low"] is None
    undefined = {**bare, "value": None}
    assert measure.between_splits(one, undefined)["value"] is None


def test_a_mean_of_tallies_keeps_what_each_value_is():
    whose = side().cohort
    each = [holdout().tallies(answers(0, 1), seed) for seed in (0, 1)]
    calibration = mean_tally([one["calibration"] for one in each])
    assert calibration.distances == {"ece"}
    operating = mean_tally([one["operating"] for one in each])
    assert operating.shares["specificity"] == 80
    assert operating.table.shape[1] == whose.size
