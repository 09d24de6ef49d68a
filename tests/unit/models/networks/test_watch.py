import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, f1_score, roc_auc_score

from metrics.cohort import cohort
from models.networks.watch import log_loss, watch_tally, watched

THREE = ("a", "b", "c")


def drawn(count=60):
    rng = np.random.default_rng(0)
    codes = np.r_[0, 1, 2, rng.integers(0, 3, count)]
    share = rng.random((len(codes), 3)) + 0.4 * np.eye(3)[codes]
    return codes, share / share.sum(axis=1, keepdims=True)


def test_of_two_classes():
    share = np.array([[0.9, 0.1], [0.4, 0.6], [0.7, 0.3]])
    assert watched("auc", np.array([0, 1, 0]), share, ("a", "b")) == 1.0
    # Called a, b, a of true a, b, b: F1 of a 2/3, of b 2/3; recall 1 and 1/2.
    assert watched("macro_f1", np.array([0, 1, 1]), share, ("a", "b")) == pytest.approx(2 / 3)
    found = watched("balanced_accuracy", np.array([0, 1, 1]), share, ("a", "b"))
    assert found == pytest.approx(3 / 4)


def test_of_several_it_is_as_scikit_learn_has_it():
    codes, share = drawn()
    called = share.argmax(axis=1)
    expected = {
        "macro_f1": f1_score(codes, called, average="macro"),
        "balanced_accuracy": balanced_accuracy_score(codes, called),
        "macro_auc": roc_auc_score(codes, share, multi_class="ovr"),
    }
    for what, value in expected.items():
        assert watched(what, codes, share, THREE) == pytest.approx(value), what


@pytest.mark.parametrize("what", ["macro_f1", "balanced_accuracy", "macro_auc"])
def test_as_sums_over_patients_it_is_the_same(what):
    codes, share = drawn()
    whose = cohort([f"p{number // 2}" for number in range(len(codes))], codes)
    point = watch_tally(what, codes, share, THREE, whose).point()
    assert point[what] == pytest.approx(watched(what, codes, share, THREE))
    two = watch_tally("auc", codes % 2, share[:, :2], ("a", "b"), whose).point()
    assert two["auc"] == pytest.approx(watched("auc", codes % 2, share[:, :2], ("a", "b")))


def test_the_loss_of_inner_rows_is_the_mean_of_what_their_truth_was_given():
    shares = np.array([[0.5, 0.25, 0.25], [0.0, 1.0, 0.0]])
    assert log_loss(np.array([1, 1]), shares) == pytest.approx(np.log(4) / 2)
    assert np.isfinite(log_loss(np.array([1, 0]), shares))
