import inspect
import re

import numpy as np
import polars as pl
import pytest
import safetensors.numpy

from stacking.alignment.names import SCALARS
from stacking.alignment.patients import Patients
from stacking.alignment.scalars import Scalars, fit_scalars, log_odds
from tests.unit.stacking.alignment.conftest import config
from workspace.errors import ArtifactError

TEN = config(least_anchors=10)
ANCHORS = {0: np.array([0, 1, 2, 3, 4, 5, 6, 7, 8, 8.0]), 1: np.arange(10.0) * 20}


def columns(scalars, fold, logits, patients):
    found = scalars.columns(fold, np.array(logits), Patients.of(pl.Series(patients)))
    return dict(zip(SCALARS, found.T.tolist(), strict=True))


def test_ranks_and_ratios_by_hand():
    scalars = fit_scalars(ANCHORS, TEN)
    # Odds of 1, 3 and 1/3: probabilities 1/2, 3/4 and 1/4. Patient a has the mean 5/8.
    logits = [0.0, np.log(3), np.log(1 / 3)]
    found = columns(scalars, 0, logits, ["a", "a", "b"])
    assert found["probability"] == pytest.approx([1 / 2, 3 / 4, 1 / 4])
    assert found["ratio"] == pytest.approx([4 / 5, 6 / 5, 1])
    assert found["rank"] == pytest.approx([1 / 20, 2 / 10, 0])  # one anchor equals 0, two are below
    assert found["patient_rank"] == pytest.approx([1 / 4, 3 / 4, 1 / 2])
    mean, spread = 4.4, np.sqrt(74.4 / 9)
    standard = [(value - mean) / spread for value in logits]
    assert found["logit"] == pytest.approx(standard)
    middle = (standard[0] + standard[1]) / 2
    assert found["difference"] == pytest.approx([standard[0] - middle, standard[1] - middle, 0])


def test_ties_share_their_rank():
    scalars = fit_scalars(ANCHORS, TEN)
    found = columns(scalars, 0, [8.0, 9.0, 8.0, -1.0], ["a", "a", "a", "a"])
    assert found["rank"] == pytest.approx([9 / 10, 1, 9 / 10, 0])  # eight below, two equal
    assert found["patient_rank"] == pytest.approx([2 / 4, 3.5 / 4, 2 / 4, 0.5 / 4])


def test_each_fold_has_its_own_scale_and_the_same_meaning():
    rng = np.random.default_rng(0)
    logits = rng.normal(size=500)
    views = {0: logits, 1: logits * 7 - 3}
    scalars = fit_scalars(views, config())
    both = [columns(scalars, fold, views[fold], ["a"] * 500) for fold in (0, 1)]
    for name in ("logit", "rank", "difference", "patient_rank"):
        assert both[0][name] == pytest.approx(both[1][name], abs=1e-9)
    assert np.mean(both[1]["logit"]) == pytest.approx(0, abs=1e-9)
    assert np.std(both[1]["logit"], ddof=1) == pytest.approx(1)


def test_a_lone_lesion_and_rows_without_a_patient_have_stated_answers():
    scalars = fit_scalars(ANCHORS, TEN)
    found = columns(scalars, 0, [3.0, 1.0, -2.0], [None, "a", None])
    assert found["ratio"] == [1, 1, 1]
    assert found["difference"] == [0, 0, 0]
    assert found["patient_rank"] == [0.5, 0.5, 0.5]


def test_anchors_that_are_all_alike_give_no_infinity():
    scalars = fit_scalars({0: np.full(60, 0.1), 1: np.zeros(60)}, config())
    for fold, alike in ((0, 0.1), (1, 0.0)):
        found = columns(scalars, fold, [alike, 5.0, -5.0], ["a", "a", "b"])
        assert found["logit"] == [0, 0, 0]
        assert found["difference"] == [0, 0, 0]
        assert found["rank"] == [0.5, 1, 0]


def test_probabilities_of_zero_have_no_ratio_and_the_largest_logits_no_infinity():
    scalars = fit_scalars(ANCHORS, TEN)
    found = columns(scalars, 0, [-800.0, -900.0, 800.0], ["a", "a", "b"])
    assert found["probability"] == [0, 0, 1]
    assert np.isnan(found["ratio"][:2]).all()
    assert not np.isinf(list(found.values())).any()


def test_log_odds_undo_probabilities_and_rounding_to_0_and_1():
    assert log_odds(np.array([1 / 2, 3 / 4, 1 / 4])) == pytest.approx([0, np.log(3), -np.log(3)])
    assert log_odds(np.array([0.0, 1.0], np.float32)) == pytest.approx([-27.63, 27.63], abs=1e-2)


def test_no_order_of_rows_matters_to_the_bit():
    rng = np.random.default_rng(0)
    views = {fold: rng.normal(size=100) * 3 for fold in range(2)}
    logits, order = rng.normal(size=300), rng.permutation(300)
    patients = np.array([f"p{number}" for number in rng.integers(0, 40, 300)])
    turned = rng.permutation(100)
    one = fit_scalars(views, config())
    two = fit_scalars({fold: view[turned] for fold, view in views.items()}, config())
    found = one.columns(1, logits, Patients.of(pl.Series(patients)))
    again = two.columns(1, logits[order], Patients.of(pl.Series(patients[order])))
    assert again.tobytes() == np.ascontiguousarray(found[order]).tobytes()


def test_within_patients_against_a_slow_twin():
    rng = np.random.default_rng(3)
    logits = rng.integers(-5, 5, 200) / 2  # with ties
    patients = rng.integers(0, 30, 200)
    scalars = fit_scalars(ANCHORS, TEN)
    found = columns(scalars, 1, logits, patients)
    share = 1 / (1 + np.exp(-logits))
    for row in range(200):
        own = patients == patients[row]
        assert found["ratio"][row] == pytest.approx(share[row] / share[own].mean())
        below, equal = (logits[own] < logits[row]).sum(), (logits[own] == logits[row]).sum()
        assert found["patient_rank"][row] == pytest.approx((below + equal / 2) / own.sum())
        standard = (logits - ANCHORS[1].mean()) / ANCHORS[1].std(ddof=1)
        assert found["difference"][row] == pytest.approx(standard[row] - standard[own].mean())
        level = ANCHORS[1]
        rank = ((level < logits[row]).sum() + (level == logits[row]).sum() / 2) / 10
        assert found["rank"][row] == pytest.approx(rank)


def test_the_same_to_the_bit_after_a_file():
    scalars = fit_scalars(ANCHORS, TEN)
    kept = safetensors.numpy.load(safetensors.numpy.save(scalars.tensors()))
    again = Scalars.from_tensors(kept)
    rows, patients = np.linspace(-9, 9, 30), Patients.of(pl.Series(["a", "b", None] * 10))
    for fold in ANCHORS:
        wanted = scalars.columns(fold, rows, patients)
        assert again.columns(fold, rows, patients).tobytes() == wanted.tobytes()


def test_no_label_can_come_in():
    assert list(inspect.signature(fit_scalars).parameters) == ["logits", "config"]


def test_what_does_not_belong_is_refused():
    scalars = fit_scalars(ANCHORS, TEN)
    nobody = Patients.of(pl.Series([None]))
    for fold, value, message in (
        (5, 0.0, "No scale of logits was fitted for fold 5, only for 0, 1; fit anew."),
        (
            1,
            np.nan,
            "Fold 1's logits have values that are no finite numbers (row 0); leave out rows "
            "without a picture, or train that fold anew.",
        ),
    ):
        with pytest.raises(ArtifactError, match=f"^{re.escape(message)}$"):
            scalars.columns(fold, np.array([value]), nobody)
    message = (
        "The kept scales of logits lack or do not know anchors, folds, mean, spread; they are of "
        "another version: fit anew."
    )
    with pytest.raises(ArtifactError, match=f"^{re.escape(message)}$"):
        Scalars.from_tensors({})


def test_no_rows_are_no_problem():
    scalars = fit_scalars(ANCHORS, TEN)
    none = Patients.of(pl.Series([], dtype=pl.String))
    assert scalars.columns(0, np.zeros(0), none).shape == (0, 6)
