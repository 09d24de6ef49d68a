import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from sklearn.metrics import roc_auc_score

from metrics.pauc import pauc_above_tpr, standardised_pauc
from tests.unit.metrics.conftest import official_pauc
from workspace.errors import ConfigError, DataError


def test_pauc_by_hand():
    # Ten positives at 1..10, negatives at 0.5, 2.5 and twice 20: at most two positives are missed.
    # Missing none lets 1/4 of the negatives go, missing one 1/4, so .1 x 1/4 + .1 x 1/4.
    target = [1] * 10 + [0] * 4
    score = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0.5, 2.5, 20, 20]
    assert pauc_above_tpr(target, score) == pytest.approx(0.05, abs=1e-15)
    # At 0.7 a third may be missed too, with half of the negatives below.
    assert pauc_above_tpr(target, score, 0.7) == pytest.approx(0.05 + 0.1 * 2 / 4, abs=1e-15)


def test_a_strip_cut_along_a_tie_by_hand():
    # Two positives of two, both tied with the one negative: the diagonal, cut at FNR 0.2.
    assert pauc_above_tpr([1, 1, 0], [5, 5, 5]) == pytest.approx(0.2 * 0.2 / 2, abs=1e-15)


@pytest.mark.parametrize(
    ("score", "expected"),
    [
        (lambda target, _: target, 0.2),
        (lambda target, _: np.full(len(target), 0.3), 0.02),
        (lambda target, _: -target, 0.0),
    ],
    ids=["perfect", "constant", "inverted"],
)
def test_the_ends_of_the_scale(score, expected):
    rng = np.random.default_rng(0)
    target = (rng.random(5000) < 0.02).astype(float)
    assert pauc_above_tpr(target, score(target, rng)) == pytest.approx(expected, abs=1e-12)
    assert pauc_above_tpr([1, 0], [1, 0]) == official_pauc([1, 0], [1, 0]) == 0.19999999999999996


def test_a_random_score_is_about_chance():
    rng = np.random.default_rng(0)
    target = np.arange(401_059) < 4000
    values = [pauc_above_tpr(target, rng.random(len(target))) for _ in range(20)]
    assert np.mean(values) == pytest.approx(0.02, abs=0.0005)


def cases(count):
    """Few and many positives, ties of every kind, constants, inversions, tiny and huge scores."""
    rng = np.random.default_rng(42)
    for number in range(count):
        n, n_pos = int(rng.integers(12, 400)), int(rng.integers(1, 11))
        target = np.zeros(n, dtype=int)
        target[rng.choice(n, n_pos, replace=False)] = 1
        score = rng.normal(size=n) + rng.choice([-1.5, 0, 1.5]) * target
        score = [
            score,
            np.round(score, int(rng.integers(0, 2))),
            np.full(n, score[0]),
            score * 1e-18,
            -np.sort(-score),
            (score > rng.normal()).astype(float),
            np.exp(30 * score),
        ][number % 7]
        yield target, score, rng.choice([0.8, 0.8, 0.8, 0.5, 0.9, 0.0, 0.99, 0.123])


def test_check_42_equal_to_the_official_computation_on_1000_random_cases():
    for target, score, min_tpr in cases(1000):
        expected = official_pauc(target, score, min_tpr)
        assert pauc_above_tpr(target, score, min_tpr) == pytest.approx(expected, abs=1e-12)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.booleans(), st.integers(-3, 3)), min_size=2, max_size=40).filter(
        lambda rows: len({positive for positive, _ in rows}) == 2
    ),
    st.sampled_from([0.8, 0.5, 0.9]),
)
def test_only_the_order_counts(rows, min_tpr):
    target, score = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    value = pauc_above_tpr(target, score, min_tpr)
    assert value == pytest.approx(official_pauc(target, score, min_tpr), abs=1e-12)
    assert value == pytest.approx(pauc_above_tpr(target, np.exp(score) * 7 - 2, min_tpr), abs=1e-15)
    shuffled = np.random.default_rng(0).permutation(len(target))
    assert value == pauc_above_tpr(target[shuffled], score[shuffled], min_tpr)


def test_the_standardised_form_is_sklearns_max_fpr_on_the_flipped_problem():
    for target, score, _ in cases(50):
        expected = roc_auc_score(1 - target, -score, max_fpr=0.2)
        assert standardised_pauc(target, score) == pytest.approx(expected, abs=1e-12)
        mcclish = 0.02 + 0.36 * (standardised_pauc(target, score) - 0.5)
        assert pauc_above_tpr(target, score) == pytest.approx(mcclish, abs=1e-12)


def test_scores_under_1e_16_are_told_apart():
    target, score = [0, 0, 1, 1], [1e-19, 2e-19, 3e-19, 4e-19]
    assert pauc_above_tpr(target, score) == pytest.approx(0.2, abs=1e-12)


@pytest.mark.parametrize(
    ("target", "score", "message"),
    [
        ([0, 0, 0], [1, 2, 3], "pAUC needs both classes; found 0 positives in 3 rows."),
        ([1, 1], [1, 2], "pAUC needs both classes; found 2 positives in 2 rows."),
        (
            [0, 1, 1],
            [1, np.nan, np.inf],
            "2 of 3 scores are NaN or infinite, at rows [1, 2].",
        ),
        ([0, 1, 2, np.nan], [1, 2, 3, 4], "Target must be 0 or 1; found [2.0, nan]."),
        ([0, 1], [1, 2, 3], "There are 2 targets but 3 scores; join them by id first."),
        ([], [], "There are no rows to compute a metric from: 0 targets, 0 scores."),
        ([0, 1], ["a", "b"], "The score column holds something that is not a number."),
        ([0, 1], [[1], [2]], "The score column must be one column; its shape is (2, 1)."),
    ],
)
def test_undefined_input_is_one_clear_error(target, score, message):
    with pytest.raises(DataError) as error:
        pauc_above_tpr(target, score)
    assert str(error.value) == message


@pytest.mark.parametrize("min_tpr", [1.0, -0.1, float("nan")])
def test_a_min_tpr_that_leaves_no_area_is_refused(min_tpr):
    with pytest.raises(ConfigError, match="it must be at least 0 and below 1"):
        pauc_above_tpr([0, 1], [0, 1], min_tpr)
