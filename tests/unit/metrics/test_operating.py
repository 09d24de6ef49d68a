import json
from fractions import Fraction

import numpy as np
import pytest
from sklearn import metrics as sklearn

from metrics.bootstrap import BootstrapConfig, draws
from metrics.cohort import cohort
from metrics.operating import (
    Counts,
    DecisionPoint,
    OperatingPoint,
    at_threshold,
    decision_tally,
    net_benefit,
    operating_tally,
    operating_values,
    threshold_for_sensitivity,
    threshold_for_specificity,
)
from tests.unit.metrics.conftest import rows_drawn
from workspace.errors import ConfigError, DataError

# At 0.5: the first two positives are found, the third missed; one of five negatives is flagged.
TARGET = [1, 1, 1, 0, 0, 0, 0, 0]
SCORE = [0.9, 0.5, 0.4, 0.6, 0.4, 0.3, 0.2, 0.1]


def refused(kind, message, call, *given, **named):
    with pytest.raises(kind) as error:
        call(*given, **named)
    assert str(error.value) == message
    assert len(message) <= 280


def drawn(rng, n=200, decimals=1):
    target = (rng.random(n) < 0.3).astype(int)
    target[:2] = 0, 1
    p = 1 / (1 + np.exp(1 - rng.normal(size=n) - target))
    return target, np.round(p, decimals)


def test_by_hand():
    found = at_threshold(TARGET, SCORE, 0.5)
    assert found == {
        "threshold": 0.5,
        "n": 8,
        "positives": 3,
        "counts": {"tp": 2, "fp": 1, "fn": 1, "tn": 4},
        "values": {
            "sensitivity": pytest.approx(2 / 3),
            "specificity": pytest.approx(4 / 5),
            "ppv": pytest.approx(2 / 3),
            "npv": pytest.approx(4 / 5),
            "f1": pytest.approx(2 / 3),
            "flagged_per_1000": pytest.approx(375),
            "biopsies_per_cancer": pytest.approx(3 / 2),
        },
        "at_prevalence": None,
    }
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_equal_to_scikit_learn():
    rng = np.random.default_rng(0)
    for _ in range(50):
        target, score = drawn(rng)
        called = score >= 0.4
        found = at_threshold(target, score, 0.4)["values"]
        assert found["sensitivity"] == pytest.approx(sklearn.recall_score(target, called))
        assert found["specificity"] == pytest.approx(
            sklearn.recall_score(target, called, pos_label=0)
        )
        assert found["ppv"] == pytest.approx(sklearn.precision_score(target, called))
        assert found["npv"] == pytest.approx(sklearn.precision_score(target, called, pos_label=0))
        assert found["f1"] == pytest.approx(sklearn.f1_score(target, called))


def test_what_is_nothing_of_nothing_is_undefined():
    nobody = at_threshold(TARGET, SCORE, 2.0)["values"]
    assert (nobody["ppv"], nobody["biopsies_per_cancer"]) == (None, None)
    assert (nobody["sensitivity"], nobody["f1"], nobody["flagged_per_1000"]) == (0, 0, 0)
    in_vain = at_threshold([0, 1], [2, 1], 2)["values"]
    assert (in_vain["ppv"], in_vain["biopsies_per_cancer"]) == (0, None)  # none found, not 0 a find
    everybody = at_threshold(TARGET, SCORE, 0.0)["values"]
    assert (everybody["npv"], everybody["specificity"]) == (None, 0)
    healthy = at_threshold([0, 0], [1, 2], 3, prevalence=0.1)
    assert healthy["values"]["sensitivity"] is None
    assert healthy["values"]["f1"] is None
    assert healthy["at_prevalence"]["npv"] is None
    assert all(np.isnan(value) for value in operating_values(0, 0, 0, 0).values())


@pytest.mark.parametrize("at_least", [0.01, 0.3, 0.5, 0.8, 0.95, 1.0])
def test_thresholds_are_the_best_of_all_observed_scores(at_least):
    rng = np.random.default_rng(1)
    for _ in range(50):
        target, score = drawn(rng, 60)
        values = {t: at_threshold(target, score, t)["values"] for t in np.unique(score)}
        enough = [t for t in values if values[t]["sensitivity"] >= at_least]
        assert threshold_for_sensitivity(target, score, at_least) == max(enough)
        enough = [t for t in values if values[t]["specificity"] >= at_least]
        nobody = np.nextafter(score.max(), np.inf)
        assert threshold_for_specificity(target, score, at_least) == min(enough, default=nobody)


def test_a_share_is_not_missed_through_rounding():
    for n in range(1, 300):
        for percent in range(1, 101):
            least = -(-Fraction(percent, 100) * n // 1)
            target, score = [1] * n + [0] * n, np.r_[np.arange(n), np.arange(n)]
            found = threshold_for_sensitivity(target, score, percent / 100)
            assert n - found == least, (n, percent)
    assert threshold_for_sensitivity([1] * 20, np.arange(20), 0.95) == 1  # flags 19 of 20
    assert threshold_for_sensitivity([1] * 20, np.arange(20), 0.9500001) == 0
    assert threshold_for_specificity([0] * 20, np.arange(20), 0.95) == 19  # spares 19 of 20


def test_where_no_score_is_specific_enough_nobody_is_flagged():
    found = threshold_for_specificity([1, 0], [0.2, 0.9], 1.0)
    assert found == np.nextafter(0.9, 1)
    assert at_threshold([1, 0], [0.2, 0.9], found)["values"]["flagged_per_1000"] == 0


def test_a_threshold_chosen_on_one_set_does_not_see_the_other():
    rng = np.random.default_rng(2)
    target, score = drawn(rng, 300, decimals=6)
    other, scores = drawn(rng, 300, decimals=6)
    threshold = threshold_for_sensitivity(target, score, 0.9)
    assert at_threshold(target, score, threshold)["values"]["sensitivity"] >= 0.9
    applied = at_threshold(other, scores, threshold)
    swapped = at_threshold(1 - other, scores, threshold)
    assert applied["threshold"] == swapped["threshold"] == threshold
    assert applied["values"]["sensitivity"] != swapped["values"]["sensitivity"]
    assert applied["counts"]["tp"] == swapped["counts"]["fp"]


def test_a_stated_prevalence_is_the_same_as_repeating_rows_until_it_is_so():
    target, score = np.array(TARGET), np.array(SCORE)
    rows = np.repeat(np.arange(8), np.where(target == 1, 5, 27))  # 15 of 150 are positive
    again = at_threshold(target[rows], score[rows], 0.5)["values"]
    found = at_threshold(target, score, 0.5, prevalence=0.1)
    plain = at_threshold(target, score, 0.5)
    assert (found["counts"], found["values"]) == (plain["counts"], plain["values"])
    stated = found["at_prevalence"]
    assert stated.pop("prevalence") == 0.1
    assert list(stated) == ["ppv", "npv", "f1", "flagged_per_1000", "biopsies_per_cancer"]
    assert stated == pytest.approx({name: again[name] for name in stated})
    assert operating_values(2, 1, 1, 4, prevalence=0.1) == pytest.approx(again)
    curve = net_benefit(target, score, [0.1, 0.5], prevalence=0.1)
    repeated = net_benefit(target[rows], score[rows], [0.1, 0.5])
    assert [list(point.values()) for point in curve] == [
        pytest.approx(list(point.values())) for point in repeated
    ]


def test_a_tally_equals_each_resample_written_out():
    rng = np.random.default_rng(3)
    target, score = drawn(rng, 150)
    whose = cohort(np.char.mod("IP_%d", rng.integers(0, 12, 150)), target)
    tally = operating_tally(target, score, 0.4, whose, prevalence=0.02)
    curve = decision_tally(target, score, [0.1, 0.4], whose)
    stated = decision_tally(target, score, [0.4], whose, prevalence=0.02)
    for counts in draws(whose, BootstrapConfig(replicates=50), seed=0):
        found, benefit = tally.of(counts), {**curve.of(counts)}
        for number, count in enumerate(counts):
            rows = rows_drawn(whose, count)
            expected = at_threshold(target[rows], score[rows], 0.4, prevalence=0.02)
            elsewhere = expected["at_prevalence"]
            del elsewhere["prevalence"]
            values = expected["values"] | {f"{k}_at_prevalence": v for k, v in elsewhere.items()}
            assert {name: value[number] for name, value in found.items()} == {
                name: pytest.approx(value, abs=1e-9) for name, value in values.items()
            }
            points = net_benefit(target[rows], score[rows], [0.1, 0.4])
            assert {name: value[number] for name, value in benefit.items()} == {
                f"{name}[{point['threshold']}]": pytest.approx(point[kind], abs=1e-9)
                for point in points
                for name, kind in (("net_benefit", "model"), ("treat_all", "treat_all"))
            }
            [point] = net_benefit(target[rows], score[rows], [0.4], prevalence=0.02)
            at_stated = stated.of(counts[[number]])["net_benefit[0.4]"]
            assert at_stated == pytest.approx([point["model"]], abs=1e-9)


def test_a_decision_curve_by_hand():
    # At 0.2 all but 0.1 are flagged, 3 and 4 of 8; at 0.5 2 and 1, where a false one weighs 1.
    assert net_benefit(TARGET, SCORE, [0.5, 0.2, 0.5]) == [
        {
            "threshold": 0.2,
            "model": pytest.approx(3 / 8 - 4 / 8 / 4),
            "treat_all": pytest.approx(3 / 8 - 5 / 8 / 4),
            "treat_none": 0.0,
        },
        {
            "threshold": 0.5,
            "model": pytest.approx(2 / 8 - 1 / 8),
            "treat_all": pytest.approx(3 / 8 - 5 / 8),
            "treat_none": 0.0,
        },
    ]
    names = decision_tally(TARGET, SCORE, [0.05], cohort(None, TARGET)).point()
    assert list(names) == ["net_benefit[0.05]", "treat_all[0.05]"]
    [point] = net_benefit([0, 0], [0.1, 0.9], [0.5], prevalence=0.1)
    assert (point["model"], point["treat_all"]) == (None, pytest.approx(0.1 - 0.9))


def test_what_cannot_be_chosen_or_drawn_is_refused():
    for at_least in (0, -0.1, 1.01, float("nan")):
        refused(
            ConfigError,
            f"The sensitivity asked for is {at_least}; it must be above 0 and not above 1.",
            threshold_for_sensitivity, TARGET, SCORE, at_least,
        )  # fmt: skip
    refused(
        DataError,
        "A threshold for sensitivity needs a positive; there is none among the rows.",
        threshold_for_sensitivity, [0, 0], [1, 2], 0.9,
    )  # fmt: skip
    refused(
        DataError,
        "A threshold for specificity needs a negative; there is none among the rows.",
        threshold_for_specificity, [1, 1], [1, 2], 0.9,
    )  # fmt: skip
    nan = "The threshold is nan; it must be a finite number."
    refused(ConfigError, nan, at_threshold, TARGET, SCORE, float("nan"))
    refused(ConfigError, nan, operating_tally, TARGET, SCORE, float("nan"), cohort(None, TARGET))
    for thresholds in ([0.1, 1.0], [1.0], [1.0, 7]):
        message = "A decision curve needs thresholds above 0 and below 1; found 1.0."
        refused(ConfigError, message, net_benefit, TARGET, SCORE, thresholds)
    none = "A decision curve needs thresholds above 0 and below 1; none is given."
    refused(ConfigError, none, decision_tally, TARGET, SCORE, [], cohort(None, TARGET))
    outside = "Probabilities must lie from 0 to 1; found 1 values outside: [2.0]."
    refused(DataError, outside, net_benefit, [0, 1], [0.5, 2], [0.5])


@pytest.mark.parametrize("prevalence", [0, 1, 1.5, float("nan")])
def test_a_prevalence_is_strictly_between_0_and_1(prevalence):
    message = f"The prevalence is {prevalence}; it must be above 0 and below 1."
    whose = cohort(None, TARGET)
    refused(ConfigError, message, operating_values, 1, 1, 1, 1, prevalence)
    refused(ConfigError, message, at_threshold, TARGET, SCORE, 0.5, prevalence)
    refused(ConfigError, message, operating_tally, TARGET, SCORE, 0.5, whose, prevalence)
    refused(ConfigError, message, net_benefit, TARGET, SCORE, [0.5], prevalence)
    refused(ConfigError, message, decision_tally, TARGET, SCORE, [0.5], whose, prevalence)


def test_the_points_have_the_keys_that_their_types_say():
    point = at_threshold([0, 1], [0.2, 0.8], 0.5)
    assert set(point) == OperatingPoint.__required_keys__
    assert set(point["counts"]) == Counts.__required_keys__
    (step,) = net_benefit([0, 1], [0.2, 0.8], [0.5])
    assert set(step) == DecisionPoint.__required_keys__
