import numpy as np
import pytest

from stacking.alignment.drift import Agreement, Drift, mean_over_folds, measure_drift, poor
from tests.unit.stacking.alignment.conftest import METHODS, config, drawn


@pytest.mark.parametrize("method", ["ridge", "procrustes", "relative"])
def test_a_planted_rotation_is_carried_and_raw_is_not(views, method):
    drift = measure_drift(views, config(method))
    before, after = mean_over_folds(drift.before), mean_over_folds(drift.after)
    assert set(drift.after) == {0, 1, 2}
    assert after.explained > 0.97
    assert after.cosine > 0.97
    assert before.explained < 0.3
    assert poor(drift, "net") is None


def test_with_raw_embeddings_only_the_state_before_is_known(views):
    drift = measure_drift(views, config("raw"))
    assert drift.after is None
    assert drift.result is drift.before
    assert poor(drift, "net").startswith("embeddings of net mean different things")


def test_networks_that_agree_as_they_are_need_no_map():
    one = drawn(folds=1)[0]
    drift = measure_drift({0: one, 1: one, 2: one}, config("raw"))
    assert mean_over_folds(drift.before).explained == pytest.approx(1, abs=1e-6)
    assert mean_over_folds(drift.before).cosine == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_views_that_share_nothing_are_called_poor(method):
    rng = np.random.default_rng(0)
    views = {fold: rng.normal(size=(300, 12)) for fold in range(4)}
    drift = measure_drift(views, config(method))
    assert all(one.explained < 0.05 for one in drift.result.values())
    assert poor(drift, "stage1") is not None


def test_one_fold_that_went_astray_is_named():
    views = drawn(folds=5)
    views[3] = np.random.default_rng(9).normal(size=views[3].shape)
    drift = measure_drift(views, config())
    share = drift.after[3].explained
    assert share < 0.05
    assert all(drift.after[fold].explained > 0.8 for fold in (0, 1, 2, 4))
    assert poor(drift, "stage1") == (
        "embeddings of stage1 mean different things in different folds: of what the other folds "
        f"see they explain fold 3: {share:.0%}, below 30%; take more anchors, another "
        "align.method, or 'scalars'."
    )


def test_a_map_that_shrinks_most_away_is_not_called_good():
    # Of twelve columns one is shared, with a twelfth of the variance: the rest is each fold's own.
    rng = np.random.default_rng(0)
    shared = rng.normal(size=(400, 1))
    views = {
        fold: np.concatenate([shared, rng.normal(size=(400, 11))], axis=1) for fold in range(3)
    }
    assert mean_over_folds(measure_drift(views, config()).after).explained < 0.3


def test_what_is_measured_is_held_to_the_plain_formula():
    views = drawn(rows=50, folds=2, noise=0.5)
    drift = measure_drift(views, config("raw"))
    both = own = their = cosines = 0.0
    for part in range(5):
        left = np.arange(50) % 5 == part
        first, second = (
            views[k][left].astype(float) - views[k][~left].astype(float).mean(axis=0)
            for k in (0, 1)
        )
        for a, b in zip(first, second, strict=True):
            both, own, their = both + a @ b, own + a @ a, their + b @ b
            cosines += a @ b / np.sqrt((a @ a) * (b @ b))
    assert drift.before[0].explained == pytest.approx(max(both, 0) ** 2 / own / their, rel=1e-5)
    assert drift.before[0].cosine == pytest.approx(cosines / 50, rel=1e-5)


@pytest.mark.parametrize("method", ["ridge", "procrustes"])
def test_whole_patients_are_left_out_of_a_fit(method):
    """Folds that share nothing but patients: a map fitted on a patient's twins looks good."""
    rng = np.random.default_rng(0)
    patient = np.repeat(np.arange(40), 10)
    views = {
        fold: rng.normal(size=(40, 30))[patient] + 0.1 * rng.normal(size=(400, 30))
        for fold in range(3)
    }
    by_row = mean_over_folds(measure_drift(views, config(method)).after).explained
    by_patient = mean_over_folds(measure_drift(views, config(method), patient).after).explained
    assert by_row > 0.5
    assert by_patient < 0.1


def test_anchors_of_one_patient_alone_measure_nothing():
    views = drawn(rows=50)
    assert measure_drift(views, config(), np.zeros(50, int)) == Drift({}, {})
    assert len(measure_drift(views, config("procrustes"), np.arange(50) // 25).result) == 3


def test_an_opposite_view_explains_nothing():
    one = drawn(folds=1)[0]
    drift = measure_drift({0: one, 1: -one}, config("raw"))
    assert mean_over_folds(drift.before).explained == 0
    assert mean_over_folds(drift.before).cosine == pytest.approx(-1, abs=1e-6)


def test_three_tenths_are_enough_and_nothing_below():
    for share, good in ((0.3, True), (0.299, False), (float("nan"), False)):
        drift = Drift({0: Agreement(0, 0)}, {0: Agreement(share, 0.5)})
        assert (poor(drift, "net") is None) == good


def test_the_least_allowed_anchors_can_be_measure_drift():
    views = drawn(rows=50)
    for method in METHODS:
        assert len(measure_drift(views, config(method, landmarks=50, pca=3)).result) == 3


def test_a_single_fold_has_nothing_to_compare(views):
    drift = measure_drift({0: views[0]}, config())
    assert drift.result == {}
    assert np.isnan(mean_over_folds(drift.result).explained)
    assert poor(drift, "net") is None
